-- What begins an id is found in the order of its bytes, whatever order of texts the database has.
create index experiment_by_beginning on experiment (id collate "C");
create index study_by_beginning on study (id collate "C");
