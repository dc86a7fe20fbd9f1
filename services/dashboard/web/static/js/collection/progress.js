// @ts-check
// How far downloads are: the live part says it for all, and the bars of the rows follow.

/** Write what the live part says into every bar on the page. */
export function showProgress() {
  for (const told of document.querySelectorAll("#part-collection_progress [data-key]")) {
    if (!(told instanceof HTMLElement)) continue;
    const { key, done, total } = told.dataset;
    for (const bar of document.querySelectorAll(`progress[data-progress="${CSS.escape(key || "")}"]`)) {
      if (bar instanceof HTMLProgressElement && Number(total) > 0) {
        bar.max = Number(total);
        bar.value = Number(done);
      }
    }
    for (const said of document.querySelectorAll(`[data-progress-said="${CSS.escape(key || "")}"]`)) {
      if (said.textContent !== told.textContent) said.textContent = told.textContent;
    }
  }
}
