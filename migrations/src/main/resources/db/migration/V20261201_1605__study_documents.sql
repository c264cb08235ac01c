-- The study as it was written, so that its report can show what launches it again: some defaults of base depend on what
-- the axes set. Not jsonb, which has an order of fields of its own. Earlier studies have none.
alter table study add column document json;
