-- Addresses of sources no longer hold users and signatures: those that are stored lose theirs, as
-- SourceSecrets.redacted writes them. Workflows that run have their own copy.
create function pg_temp.without_secrets(source text) returns text language sql immutable as $$
  select case when source ~ '^[A-Za-z][A-Za-z0-9+.-]*:' then
    regexp_replace(
      regexp_replace(source, '^([A-Za-z][A-Za-z0-9+.-]*:/*)[^/?#]*@', '\1'),
      '([?&;])((?:x-amz-|x-goog-|x-oss-)[\w-]*|[\w.-]*(?:signature|token|secret|passwd|password|credential|api[_.-]?key|access[_.-]?key(?:[_.-]?id)?)[\w.-]*|googleaccessid|key-pair-id|sig|key|pwd|auth|authorization|jwt|sas|code)=([^&;#]*)',
      '\1\2=…', 'gi')
    else source end
$$;

create function pg_temp.spec_without_secrets(spec jsonb) returns jsonb language plpgsql immutable as $$
declare
  path text[];
begin
  foreach path slice 1 in array array[
    ['dataset', 'source', ''], ['teacher', 'source', ''], ['evaluation', 'extractor', 'source'],
    ['evaluation', 'reference', '']]
  loop
    path := array_remove(path, '');
    if jsonb_typeof(spec #> path) = 'string' then
      spec := jsonb_set(spec, path, to_jsonb(pg_temp.without_secrets(spec #>> path)));
    end if;
  end loop;
  return spec;
end
$$;

update experiment set spec = pg_temp.spec_without_secrets(spec)
  where spec is distinct from pg_temp.spec_without_secrets(spec);

-- Axes may set a source: every text in them.
create function pg_temp.texts_without_secrets(texts jsonb) returns jsonb language sql immutable as $$
  select cast(
    regexp_replace(
      regexp_replace(cast(texts as text), '("[A-Za-z][A-Za-z0-9+.-]*:/*)[^/?#"\\]*@', '\1', 'g'),
      '([?&;])((?:x-amz-|x-goog-|x-oss-)[\w-]*|[\w.-]*(?:signature|token|secret|passwd|password|credential|api[_.-]?key|access[_.-]?key(?:[_.-]?id)?)[\w.-]*|googleaccessid|key-pair-id|sig|key|pwd|auth|authorization|jwt|sas|code)=([^&;#"\\]*)',
      '\1\2=…', 'gi')
    as jsonb)
$$;

update study set spec = jsonb_set(
    jsonb_set(spec, '{base}', pg_temp.spec_without_secrets(spec -> 'base')),
    '{axes}', pg_temp.texts_without_secrets(spec -> 'axes'))
  where spec ? 'base' and spec ? 'axes';
update study_member set axes = pg_temp.texts_without_secrets(axes);
