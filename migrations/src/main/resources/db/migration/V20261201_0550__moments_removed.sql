-- Adam's moments of a checkpoint go when nobody trains on from it; its row says so, as its manifest still lists them.
alter table checkpoint add column moments_removed_at timestamptz;
