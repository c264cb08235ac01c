-- What ranked the candidates of a search: distances of different estimators don't compare.
-- The default is what ranked before; a worker of that time, which doesn't name it, still writes rows.

alter table candidate add column estimator text not null default 'FRECHET';
