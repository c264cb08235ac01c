-- Entries ASKED of the audit whose outcome is not written down yet: no row stays here for long.

create table audit_unsettled (
  asked bigint primary key                   -- id of the entry
);

-- What was left without an outcome before.
insert into audit_unsettled
select a.id from audit a
where a.outcome = 'ASKED' and not exists (
  select from audit o
  where o.request_id = a.request_id and o.subject_id = a.subject_id and o.action = a.action
    and o.detail = a.detail and o.outcome <> 'ASKED' and o.id > a.id);
