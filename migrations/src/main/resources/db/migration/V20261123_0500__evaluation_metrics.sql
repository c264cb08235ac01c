-- Every figure that compares images, by name; `distance` stays the Fréchet distance.
alter table evaluation add column metrics jsonb not null default '{}';
