-- What the history is asked about most stands in columns of its own, kept by Postgres from the spec.
alter table experiment add column dataset_source text
  generated always as (spec -> 'dataset' ->> 'source') stored;
alter table experiment add column students int
  generated always as (cast(spec -> 'students' ->> 'count' as int)) stored;
alter table experiment add column specific_probability double precision
  generated always as (cast(spec -> 'students' ->> 'specificProbability' as double precision)) stored;
alter table experiment add column seed bigint
  generated always as (cast(spec ->> 'seed' as bigint)) stored;
alter table experiment add column words text -- what free text is looked for in
  generated always as (lower(id || ' ' || name || ' ' || coalesce(spec -> 'dataset' ->> 'source', '')
    || ' ' || cast(labels as text))) stored;
create index evaluation_by_subject on evaluation (subject, experiment_id) include (distance, macs_per_step);
