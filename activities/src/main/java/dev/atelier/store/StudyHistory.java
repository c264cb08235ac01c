package dev.atelier.store;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.evaluation.Evaluation;
import dev.atelier.report.StudyReport;
import dev.atelier.report.StudyReport.Curve;
import dev.atelier.report.StudyReport.Member;
import dev.atelier.report.StudyReport.Model;
import dev.atelier.spec.ClaimSpec;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.store.ArtifactHistory.Artifact;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.Stage;
import dev.atelier.workflows.StudyStage;
import dev.atelier.workflows.scorecard.MeasuredExperiment;
import dev.atelier.workflows.scorecard.MeasuredExperiment.Figures;
import dev.atelier.workflows.scorecard.Scorecard;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import org.jdbi.v3.core.Handle;

/** The rows of studies that workers write and read. As {@link ExperimentHistory} otherwise. */
public final class StudyHistory {

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .addModule(new Jdk8Module())
          // A row may hold a field that this version no longer has.
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  private final Database database;
  private final ExperimentHistory experiments;
  private final EvaluationHistory evaluations;

  public StudyHistory(DataSource dataSource) {
    this.database = new Database(dataSource);
    this.experiments = new ExperimentHistory(dataSource);
    this.evaluations = new EvaluationHistory(dataSource);
  }

  /** One value of an axis, as the database keeps it. */
  private record AxisValue(String axis, String value) {}

  /** An experiment of a study, and what it was asked for. */
  private record StoredMember(Member member, List<AxisValue> axes, ExperimentSpec spec) {

    StoredMember with(List<Evaluation> evaluations, List<Model> models) {
      return new StoredMember(
          new Member(
              member.experimentId(),
              member.values(),
              member.seed(),
              member.stage(),
              member.failure(),
              evaluations,
              models),
          axes,
          spec);
    }

    MeasuredExperiment measured() {
      return new MeasuredExperiment(
          axes.stream().collect(Collectors.toMap(AxisValue::axis, AxisValue::value)),
          member.seed(),
          spec,
          member.evaluations().stream()
              .map(
                  e ->
                      new Figures(
                          e.subject(),
                          e.metric(),
                          e.distance(),
                          e.macsPerStep(),
                          e.parameters(),
                          e.imagesPerSecond(),
                          e.peakMemoryBytes(),
                          e.metrics()))
              .toList());
    }
  }

  /** The spec of an experiment that has not ended; empty: it has. */
  public Optional<ExperimentSpec> unfinished(String experimentId) {
    return database.inTransaction(
        handle ->
            handle
                .createQuery(
                    """
                    select spec from experiment
                    where id = :id and stage not in ('DONE', 'PARTIAL', 'FAILED', 'CANCELED')
                    """)
                .bind("id", experimentId)
                .map((row, context) -> read(row.getString("spec"), new SpecType()))
                .findOne());
  }

  /** Enters a stage; a canceled or failed study also cancels what has not begun. */
  public void recordStage(String studyId, StudyStage stage, String errorMessage) {
    List<String> unbegun =
        database.inTransaction(
            handle -> {
              handle
                  .createUpdate(
                      """
                      update study
                      set stage = :stage, updated_at = now(),
                          error_message = nullif(:errorMessage, ''),
                          finished_at = case when :terminal then now() end
                      where id = :id and stage <> :stage
                      """)
                  .bind("id", studyId)
                  .bind("stage", stage.name())
                  .bind("errorMessage", errorMessage)
                  .bind("terminal", stage.terminal())
                  .execute();
              return stage == StudyStage.CANCELED || stage == StudyStage.FAILED
                  ? unbegun(handle, studyId)
                  : List.of();
            });
    for (String experimentId : unbegun) {
      experiments.recordStage(experimentId, Stage.CANCELED, "", "");
    }
  }

  private static List<String> unbegun(Handle handle, String studyId) {
    return handle
        .createQuery(
            """
            select e.id from study_member m join experiment e on e.id = m.experiment_id
            where m.study_id = :id and e.stage = :queued
            """)
        .bind("id", studyId)
        .bind("queued", Stage.QUEUED.name())
        .mapTo(String.class)
        .list();
  }

  /** Keeps a file of a study that users can download. */
  public void recordArtifact(String studyId, Artifact artifact) {
    database.inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    insert into study_artifact
                        (study_id, name, object_key, content_type, bytes, sha256)
                    values (:id, :name, :objectKey, :contentType, :bytes, :sha256)
                    on conflict (study_id, name) do update
                    set object_key = excluded.object_key, content_type = excluded.content_type,
                        bytes = excluded.bytes, sha256 = excluded.sha256, created_at = now()
                    """)
                .bind("id", studyId)
                .bindMethods(artifact)
                .execute());
  }

  /** All that a study measured so far. */
  public StudyReport report(String studyId) {
    List<StoredMember> members = members(studyId);
    return database.inTransaction(
        handle ->
            handle
                .createQuery(
                    """
                    select name, question, spec, coalesce(document, cast(spec as json)) as document
                    from study where id = :id
                    """)
                .bind("id", studyId)
                .map(
                    (row, context) -> {
                      List<String> axes = new ArrayList<>();
                      JsonNode spec = read(row.getString("spec"), new TreeType());
                      spec.path("axes").forEach(axis -> axes.add(axis.path("name").asText()));
                      List<ClaimSpec> claims =
                          spec.has("scorecard")
                              ? JSON.convertValue(spec.get("scorecard"), new ClaimsType())
                              : List.of();
                      return new StudyReport(
                          studyId,
                          row.getString("name"),
                          row.getString("question"),
                          read(row.getString("document"), new TreeType()),
                          List.copyOf(axes),
                          members.stream().map(StoredMember::member).toList(),
                          Scorecard.of(
                              claims, members.stream().map(StoredMember::measured).toList()));
                    })
                .findOne()
                .orElseThrow(
                    () ->
                        new SupersededException(
                            "There is no study '%s' any more.".formatted(studyId))));
  }

  private List<StoredMember> members(String studyId) {
    List<StoredMember> withoutResults =
        database.inTransaction(
            handle ->
                handle
                    .createQuery(
                        """
                        select m.experiment_id, m.axes, m.seed, e.stage, e.error_message, e.spec,
                          (select string_agg(key || ': ' || error_message, ' ' order by position)
                           from model where experiment_id = e.id and error_message is not null)
                          as model_errors
                        from study_member m join experiment e on e.id = m.experiment_id
                        where m.study_id = :id order by m.position
                        """)
                    .bind("id", studyId)
                    .map(
                        (row, context) -> {
                          List<AxisValue> axes = read(row.getString("axes"), new AxesType());
                          return new StoredMember(
                              new Member(
                                  row.getString("experiment_id"),
                                  axes.stream().map(AxisValue::value).toList(),
                                  row.getLong("seed"),
                                  Stage.valueOf(row.getString("stage")),
                                  Optional.ofNullable(row.getString("error_message"))
                                      .or(() -> modelErrors(row)),
                                  List.of(),
                                  List.of()),
                              axes,
                              read(row.getString("spec"), new SpecType()));
                        })
                    .list());
    return withoutResults.stream()
        .map(
            m ->
                m.with(
                    evaluations.of(m.member().experimentId()), models(m.member().experimentId())))
        .toList();
  }

  private static Optional<String> modelErrors(ResultSet row) {
    try {
      return Optional.ofNullable(row.getString("model_errors"));
    } catch (SQLException e) {
      throw new IllegalStateException("The query has no such column.", e);
    }
  }

  private List<Model> models(String experimentId) {
    return database.inTransaction(
        handle -> {
          Curves.moveFormerPoints(handle, experimentId, Optional.empty());
          return handle
              .createQuery(
                  """
                    select m.key, m.range_low, m.range_high, m.state, m.attempts,
                      m.total_steps, s.experiment_id as reused_from,
                      coalesce(m.curves, s.curves) as curves,
                      coalesce(extract(epoch from m.finished_at - m.started_at), 0) as seconds
                    from model m left join model s on s.id = m.reused_from
                    where m.experiment_id = :id order by m.position
                    """)
              .bind("id", experimentId)
              .map(
                  (row, context) -> {
                    Optional<String> reusedFrom = Optional.ofNullable(row.getString("reused_from"));
                    return new Model(
                        new ModelKey(row.getString("key")),
                        row.getInt("range_low"),
                        row.getInt("range_high"),
                        ModelState.valueOf(row.getString("state")),
                        row.getInt("attempts"),
                        reusedFrom,
                        reusedFrom.isPresent() ? 0 : row.getDouble("seconds"),
                        series(handle, row.getLong("curves"), row.getInt("total_steps") / 4));
                  })
              .list();
        });
  }

  private static Map<String, Curve> series(Handle handle, long curves, int firstStep) {
    Map<String, Curve> statistics = new TreeMap<>();
    handle
        .createQuery(
            """
            select c.series[v.place] as series, count(*) as points, avg(v.value) as mean,
              coalesce(stddev_samp(v.value), 0) as deviation,
              percentile_cont(0.99) within group (order by v.value) as p99, max(v.value) as max
            from curves c join metric_report r on r.curves = c.id
            cross join unnest(r.values) with ordinality v (value, place)
            where c.id = :curves and r.step > :first and v.value is not null
            group by c.series[v.place]
            """)
        .bind("curves", curves)
        .bind("first", firstStep)
        .map(
            (row, context) ->
                Map.entry(
                    row.getString("series"),
                    new Curve(
                        row.getLong("points"),
                        row.getDouble("mean"),
                        row.getDouble("deviation"),
                        row.getDouble("p99"),
                        row.getDouble("max"))))
        .forEach(entry -> statistics.put(entry.getKey(), entry.getValue()));
    return statistics;
  }

  private static final class SpecType extends TypeReference<ExperimentSpec> {}

  private static final class TreeType extends TypeReference<JsonNode> {}

  private static final class ClaimsType extends TypeReference<List<ClaimSpec>> {}

  private static final class AxesType extends TypeReference<List<AxisValue>> {}

  private static <T> T read(String json, TypeReference<T> type) {
    try {
      return JSON.readValue(json, type);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("Cannot read '%s'.".formatted(json), e);
    }
  }
}
