package dev.atelier.api.experiment.overview;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.api.access.Projects;
import dev.atelier.api.experiment.Links;
import dev.atelier.api.experiment.overview.HistorySql.Rows;
import dev.atelier.api.history.Cursor;
import dev.atelier.api.history.HistoryQuery;
import dev.atelier.api.history.QueryField;
import dev.atelier.api.history.Sort;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.store.Columns;
import dev.atelier.workflows.Stage;
import jakarta.enterprise.context.ApplicationScoped;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.StatementContext;
import org.jdbi.v3.core.statement.StatementCustomizer;
import org.postgresql.PGStatement;

/** Lists of experiments, from Postgres. */
@ApplicationScoped
class ExperimentList {

  // A plan that is kept for any values walks through the newest experiments for one that has none.
  private static final StatementCustomizer PLANNED_FOR_ITS_VALUES =
      new StatementCustomizer() {
        @Override
        public void beforeExecution(PreparedStatement statement, StatementContext context)
            throws SQLException {
          statement.unwrap(PGStatement.class).setPrepareThreshold(0);
        }
      };

  private final Jdbi jdbi;
  private final Projects projects;

  ExperimentList(Jdbi jdbi, Projects projects) {
    this.jdbi = jdbi;
    this.projects = projects;
  }

  /** An experiment of a list, and the cursor that the rows after it are asked for with. */
  record Row(ExperimentSummary experiment, Cursor cursor) {}

  /** Up to {@code limit} experiments that the query describes and the caller may see. */
  List<Row> list(
      HistoryQuery asked,
      Sort sort,
      Optional<Cursor> after,
      int limit,
      Function<String, Links> linksOf) {
    HistoryQuery visible = asked.and(HistoryQuery.ofProjects(projects.visible()));
    return jdbi.withHandle(
        handle -> {
          if (!(sort.field() instanceof QueryField.Figure)) {
            return rows(
                handle, new HistorySql(visible, sort, after, Rows.ALL), sort, limit, linksOf);
          }
          boolean onlyWithout = after.isPresent() && after.get().value().isEmpty();
          List<Row> rows = new ArrayList<>();
          if (!onlyWithout) {
            HistorySql with = new HistorySql(visible, sort, after, Rows.WITH_THE_FIGURE);
            rows.addAll(rows(handle, with, sort, limit, linksOf));
          }
          if (rows.size() < limit) {
            HistorySql without =
                new HistorySql(
                    visible, sort, onlyWithout ? after : Optional.empty(), Rows.WITHOUT_IT);
            rows.addAll(rows(handle, without, sort, limit - rows.size(), linksOf));
          }
          return rows;
        });
  }

  private static List<Row> rows(
      Handle handle, HistorySql query, Sort sort, int limit, Function<String, Links> linksOf) {
    // The page is chosen first, so that models and figures are gathered for its rows alone.
    String sql =
        """
        with page as (
          select e.id as page_id, %s as sort_value, row_number() over (order by %s) as position
          from experiment e %s
          where true %s
          order by %s
          limit :limit)
        select page.sort_value, e.id, e.name, e.stage, e.labels, e.created_at, e.updated_at,
          e.finished_at, e.dataset_source, e.students, e.specific_probability, s.study_id,
          m.models, v.figures, c.cpu_seconds, c.gpu_seconds, e.project,
          e.paused_at is not null as paused
        from page join experiment e on e.id = page.page_id
        left join study_member s on s.experiment_id = e.id
        left join lateral (
          select jsonb_agg(jsonb_build_object('key', key, 'low', range_low, 'high', range_high,
            'state', state, 'step', step, 'totalSteps', total_steps) order by position) as models
          from model where experiment_id = e.id) m on true
        left join lateral (
          select jsonb_object_agg(subject,
            jsonb_build_object('distance', distance, 'macsPerStep', macs_per_step)) as figures
          from evaluation where experiment_id = e.id and distance < 'Infinity') v on true
        left join lateral (
          select sum(cpu_seconds) as cpu_seconds, sum(gpu_seconds) as gpu_seconds
          from attempt where model_id in (select id from model where experiment_id = e.id)) c
          on true
        order by page.position
        """
            .formatted(
                query.sorted(), query.order(), query.joins(), query.conditions(), query.order());
    Map<String, Object> values = new HashMap<>(query.values());
    values.put("limit", limit);
    query.lookups().forEach((name, lookup) -> values.put(name, ids(handle, lookup)));
    return handle
        .createQuery(sql)
        .addCustomizer(PLANNED_FOR_ITS_VALUES)
        .bindMap(values)
        .map(
            (row, context) ->
                new Row(
                    summary(row, linksOf),
                    new Cursor(sort.text(), sortValue(row, sort), row.getString("id"))))
        .list();
  }

  private static Integer[] ids(Handle handle, HistorySql.Lookup lookup) {
    return handle
        .createQuery(lookup.sql())
        .bindMap(lookup.values())
        .mapTo(Integer.class)
        .list()
        .toArray(Integer[]::new);
  }

  private static Optional<String> sortValue(ResultSet row, Sort sort) throws SQLException {
    return sort.byTime()
        ? Sort.written(row.getObject("sort_value", OffsetDateTime.class))
        : Sort.written(row.getObject("sort_value"));
  }

  private static ExperimentSummary summary(ResultSet row, Function<String, Links> linksOf)
      throws SQLException {
    List<ExperimentSummary.Model> models =
        Optional.ofNullable(row.getString("models"))
            .map(json -> List.of(SpecJson.read(json, ExperimentSummary.Model[].class)))
            .orElse(List.of());
    Map<String, Double> distances = new TreeMap<>();
    Map<String, Double> macs = new TreeMap<>();
    Optional.ofNullable(row.getString("figures"))
        .map(json -> SpecJson.read(json, JsonNode.class))
        .ifPresent(
            figures ->
                figures
                    .properties()
                    .forEach(
                        subject -> {
                          JsonNode figure = subject.getValue();
                          distances.put(subject.getKey(), figure.get("distance").asDouble());
                          if (figure.get("macsPerStep").isNumber()) {
                            macs.put(subject.getKey(), figure.get("macsPerStep").asDouble());
                          }
                        }));
    return ExperimentSummaryBuilder.builder()
        .id(row.getString("id"))
        .name(row.getString("name"))
        .stage(Stage.valueOf(row.getString("stage")))
        .labels(Columns.namedTexts(row, "labels"))
        .dataset(row.getString("dataset_source"))
        .students(row.getInt("students"))
        .specificProbability(row.getDouble("specific_probability"))
        .step(models.stream().mapToLong(ExperimentSummary.Model::step).sum())
        .totalSteps(models.stream().mapToLong(ExperimentSummary.Model::totalSteps).sum())
        .distances(distances)
        .createdAt(Columns.instant(row, "created_at").orElseThrow())
        .updatedAt(Columns.instant(row, "updated_at").orElseThrow())
        .finishedAt(Columns.instant(row, "finished_at"))
        .links(linksOf.apply(row.getString("id")))
        .models(models)
        .macsPerStep(macs)
        .cpuSeconds(row.getDouble("cpu_seconds"))
        .gpuSeconds(row.getDouble("gpu_seconds"))
        .study(Columns.text(row, "study_id"))
        .project(row.getString("project"))
        .paused(row.getBoolean("paused"))
        .build();
  }
}
