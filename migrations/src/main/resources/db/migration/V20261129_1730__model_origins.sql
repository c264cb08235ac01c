-- What an imported teacher was made of: source, revision, licence, files.

alter table model add column origin jsonb; -- ModelOrigin; null: trained here, or imported before
