#!/usr/bin/env bash
# Drives an emulated board from a shell: start, wait for ready, break it, read, check the traffic.
# Needs bash, curl, jq; jbd-emulator is JBD_EMULATOR, or what stands in the PATH.
set -euo pipefail

lines=$(mktemp)
${JBD_EMULATOR:-jbd-emulator} serve --json --firmware 0x25 --tcp 127.0.0.1:0 --control 127.0.0.1:0 > "$lines" &
board=$!
trap 'kill $board 2> /dev/null; wait $board; rm -f "$lines"' EXIT

# One line of JSON says that it is ready and where everything is.
until [ -s "$lines" ]; do kill -0 $board; sleep 0.1; done
api=$(jq -r .control.api "$lines")
unit=$api/units/$(jq -r '.units[0].name' "$lines")
IFS=: read -r host port < <(jq -r '.units[0].tcp' "$lines")

change() { curl -sS --fail-with-body -X "$1" -H 'Content-Type: application/json' -d "$3" "$unit$2"; }

# A supply and a cell that is nearly full, and the second answer to register 04 damaged.
change PUT /charger '{"voltage_mv": 14200, "current_ma": 10000}' > /dev/null
change PATCH /cells/2 '{"held_mv": 3700}' > /dev/null
change POST /faults '{"kind": "wrong_checksum", "register": "0x04", "nth": 2, "times": 1}' > /dev/null

# A client: three reads of the cell voltages, as raw bytes.
exec 3<> "/dev/tcp/$host/$port"
for _ in 1 2 3; do
  printf '\xdd\xa5\x04\x00\xff\xfc\x77' >&3
  head -c 15 <&3 | od -An -tx1 -w15
done

# The board has seen cell 2 too high for its delay of two seconds, and turned the charge FET off.
for _ in $(seq 50); do
  [ "$(curl -sS "$unit" | jq .fets.charge)" = false ] && break
  sleep 0.2
done
curl -sS "$unit" | jq -e '.fets.charge == false and any(.protections[]; .name == "covp" and .state == "tripped")' > /dev/null
curl -sS "$unit" | jq -c '{charge_fet: .fets.charge, cells: [.pack.cells[].mv], faults: [.faults[] | {id, hits}]}'

# What passed, in words: three requests, three answers, and one mark of the fault between them.
curl -sS "$unit/traffic" | jq -r '.entries[] | "\(.dir)\t\(.words)"'
curl -sS "$unit/traffic" | jq -e '[.entries[].dir] == ["rx", "tx", "rx", "fault", "tx", "rx", "tx"]' > /dev/null
echo "all as expected"
