-- A check goes through the store part by part, and goes on where a stopped one was.
alter table store_check
  add column checked_to text,                -- last object key that was looked at; null: none yet
  add column touched_at timestamptz not null default now();
