#!/bin/sh
# put-aside.sh CONTROL_FOLDER VERB...: what a unit that a request starts does last (ExecStopPost=).
#
# A request that a broken program leaves lying would start it again without end. So it is put aside as one that was
# taken, and the first run that works does it. A disk that refuses even that is given a moment's rest.
[ "$SERVICE_RESULT" != success ] || exit 0
control=$1
shift
for verb; do
    for request in "$control/$verb.request" "$control/$verb".*.request; do
        [ -e "$request" ] || continue
        mv "$request" "${request%.request}.T$(date +%s%N).taken" || sleep 5
    done
done
