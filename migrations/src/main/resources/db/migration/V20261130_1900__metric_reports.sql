-- A row for each report of a training, in place of one for each series and step: a twelfth of the bytes.

create table curves (                        -- of a model, and of those that took it over
  id         bigint generated always as identity primary key,
  series     text[] not null default '{}',   -- what stands where in metric_report.values; it only grows
  thinned_at timestamptz                     -- when all but a part of its reports went; null: they are whole
);

-- Parts by hash, as a curve lives as long as its experiments, and what is deleted makes room for new ones.
create table metric_report (
  curves bigint not null,                    -- no foreign key: reports of deleted experiments go by degrees
  step   int not null,
  values double precision[] not null,        -- in the order of curves.series; null: none at this step
  primary key (curves, step)                 -- a replayed step writes the same report again
) partition by hash (curves);

do $$
begin
  for part in 0..15 loop
    execute format('create table metric_report_%s partition of metric_report for values with (modulus 16, remainder %s)',
      part, part);
  end loop;
end
$$;

-- Null: it has none, those of the model that it was taken over from, or all are in metric_point.
alter table model add column curves bigint;
create index model_by_curves on model (curves) where curves is not null;

-- Curves that a model has left: their reports are deleted unless another model has them.
create table curves_left (
  curves bigint primary key
);
create function note_curves_left() returns trigger language plpgsql as $$
begin
  insert into curves_left values (old.curves) on conflict do nothing;
  return null;
end
$$;
create trigger model_is_deleted after delete on model
  for each row when (old.curves is not null) execute function note_curves_left();
create trigger model_leaves_curves after update of curves on model
  for each row when (old.curves is not null and old.curves is distinct from new.curves)
  execute function note_curves_left();

create function newer_values(newer double precision[], older double precision[])
  returns double precision[] language sql immutable as $$
  select array(select coalesce(n, o) from unnest(newer, older) with ordinality u (n, o, at) order by at)
$$;

-- The points of deleted models go by degrees, too.
alter table metric_point drop constraint metric_point_model_id_fkey;

-- Moves what a model has in metric_point to its curves, or deletes it where there is no model any more:
-- about as many steps as are asked for. Where both have a value, the point is of a later attempt.
-- Returns the number of rows written or deleted; 0: there is nothing left.
create function move_metric_points(of_model bigint, steps int) returns int language plpgsql as $$
declare
  own model;
  names text[];
  until int;
  changed int;
begin
  if not exists (select from metric_point where model_id = of_model) then
    return 0;
  end if;
  select * into own from model where id = of_model for update; -- whoever writes to it waits
  if own.id is null then
    delete from metric_point where ctid = any(array(
      select ctid from metric_point where model_id = of_model limit 16 * steps));
    get diagnostics changed = row_count;
    return changed;
  end if;
  names := array(
    with recursive name as (
      (select series from metric_point where model_id = of_model order by series limit 1)
      union all
      select (select series from metric_point
        where model_id = of_model and series > name.series order by series limit 1)
      from name where name.series is not null)
    select series from name where series is not null);
  if own.curves is null then
    insert into curves default values returning id into own.curves;
    update model set curves = own.curves where id = of_model;
  end if;
  update curves
  set series = series || array(select unnest(names) except select unnest(series))
  where id = own.curves and not series @> names;
  select max(step) into until from (
    select step from metric_point where model_id = of_model and series = names[1]
    order by step limit steps) first;
  with gone as (
    delete from metric_point where model_id = of_model and series = any(names) and step <= until
    returning series, step, value)
  insert into metric_report (curves, step, values)
  select own.curves, s.step, array_agg(g.value order by n.at)
  from (select distinct step from gone) s
  cross join (select name, at from curves c, unnest(c.series) with ordinality u (name, at)
    where c.id = own.curves) n
  left join gone g on g.step = s.step and g.series = n.name
  group by s.step
  on conflict (curves, step) do update
    set values = newer_values(excluded.values, metric_report.values);
  get diagnostics changed = row_count;
  return changed;
end
$$;

-- Work that one api at a time does: whoever comes first after it was due.
create table turn (
  work     text primary key,
  taken_at timestamptz not null
);
