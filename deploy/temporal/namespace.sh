#!/bin/sh
# Makes the namespace of $TEMPORAL_NAMESPACE when it doesn't exist yet; $TEMPORAL_ADDRESS is Temporal's.
set -eu

temporal operator cluster health
temporal operator namespace describe -n "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create -n "$TEMPORAL_NAMESPACE" --retention "$TEMPORAL_RETENTION"
