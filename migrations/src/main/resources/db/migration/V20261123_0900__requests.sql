-- What users can ask of a running experiment.

alter table experiment add column paused_at timestamptz; -- while it is paused

-- Where the objects of a model lie: it grows when the model is replaced, or trained on once done.
alter table model add column place int not null default 0;
