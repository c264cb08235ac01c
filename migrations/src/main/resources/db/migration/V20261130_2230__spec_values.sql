-- What is asked of specs is asked of the few values that there are, and of an index: reading a
-- spec of each of 100,000 experiments takes seconds.

-- Each value that some spec has had at some path.
create table spec_value (
  id    int generated always as identity primary key,
  path  text not null,  -- names from the top with dots between; of a list, places from 0
  value jsonb not null  -- no object; of a list, its text is compared
);
create unique index spec_value_once on spec_value (path, md5(cast(value as text)));

alter table experiment add column spec_values int[]; -- ids of spec_value; null: not gathered yet
create index experiment_by_spec_values on experiment using gin (spec_values);
create index experiment_without_spec_values on experiment (id) where spec_values is null;

-- The values of a spec, but for those that have columns of their own and seldom occur twice.
-- Each is looked up in the index: a plan that reads all of spec_value for a spec grows with them.
create function spec_value_ids(spec jsonb) returns int[] language plpgsql
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  node jsonb;
  ids int[];
begin
  with recursive walk (path, value) as (
    select key, value from jsonb_each(spec - array['name', 'labels'])
    union all
    select w.path || '.' || c.key, c.value
    from walk w cross join lateral (
      select key, value
      from jsonb_each(case jsonb_typeof(w.value) when 'object' then w.value else '{}' end)
      union all
      select cast(place - 1 as text), value
      from jsonb_array_elements(case jsonb_typeof(w.value) when 'array' then w.value else '[]' end)
        with ordinality element (value, place)) c)
  select jsonb_agg(jsonb_build_object('path', path, 'value', value)) into node
  from walk where jsonb_typeof(value) not in ('object', 'null');

  -- In one order, so that two launches never wait for each other.
  insert into spec_value (path, value)
  select n.path, n.value from jsonb_to_recordset(node) n (path text, value jsonb)
  where not exists (
    select from spec_value v where v.path = n.path and md5(cast(v.value as text)) = md5(cast(n.value as text)))
  order by n.path, n.value
  on conflict do nothing;

  select array_agg(v.id order by v.id) into ids
  from jsonb_to_recordset(node) n (path text, value jsonb)
  join spec_value v on v.path = n.path and md5(cast(v.value as text)) = md5(cast(n.value as text));
  return coalesce(ids, '{}');
end
$$;

create function gather_spec_values() returns trigger language plpgsql as $$
begin
  new.spec_values := spec_value_ids(new.spec);
  return new;
end
$$;
create trigger experiment_spec_values before insert or update of spec on experiment
  for each row execute function gather_spec_values();

-- Lists that are looked through don't read the specs that lie between their rows.
alter table experiment set (toast_tuple_target = 512);
alter table experiment alter column words set storage main;
alter table experiment alter column spec_values set storage main;
