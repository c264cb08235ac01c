-- A webhook belongs to a project, and its messages may be Slack's or mails.

-- Null: of all projects, an admin's. Those of before stay so: only who reached every project made one.
alter table webhook add column project text;
-- SIGNED, SLACK, EMAIL. Of SLACK the secret is the whole URL, and url its server; of EMAIL url is mailto: and the
-- recipients. So api and workers of before show nothing that is secret, and refuse to send what they don't know.
alter table webhook add column form text not null default 'SIGNED';
alter table webhook add column recipients text[] not null default '{}'; -- of EMAIL

-- Each recipient has deliveries of its own. Their ids tell them apart: none comes twice.
alter table webhook_delivery add column recipient text; -- of EMAIL
alter table webhook_delivery drop constraint webhook_delivery_webhook_id_event_id_key;

create or replace function queue_webhooks() returns trigger language plpgsql as $$
begin
  insert into webhook_delivery (id, webhook_id, event_id, type, recipient, payload)
  select w.id || '-' || new.id || coalesce('-' || r.place, ''), w.id, new.id, t.type, r.address,
    json_build_object(
      'type', t.type,
      'timestamp', to_char(new.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      'data', json_strip_nulls(json_build_object(
        'experiment', e.id,
        'name', e.name,
        'project', e.project,
        'labels', e.labels,
        'event', new.id,
        'stage', case when new.kind = 'stage' then new.detail end,
        'model', new.model_key,
        'message', case when new.kind = 'model-failed' then new.detail end)))
  from webhook w
  join experiment e on e.id = new.experiment_id
  cross join (select case new.kind
    when 'stage' then 'experiment.stage' else 'model.failed' end as type) t
  left join lateral unnest(w.recipients) with ordinality r (address, place) on true
  where t.type = any (w.events)
    and (w.project is null or w.project = e.project)
    and (w.experiment_id is null or w.experiment_id = e.id)
    and e.labels @> w.labels;
  return null;
end $$;
