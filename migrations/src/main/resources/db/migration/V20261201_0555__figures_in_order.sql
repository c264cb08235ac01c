-- Pages that are sorted by a figure are read in its order, whoever of 100,000 experiments has one.
create index evaluation_by_distance on evaluation (subject, distance, experiment_id);
create index evaluation_by_macs on evaluation (subject, macs_per_step, experiment_id);
