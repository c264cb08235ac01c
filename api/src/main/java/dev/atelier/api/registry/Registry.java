package dev.atelier.api.registry;

import dev.atelier.api.access.Projects;
import dev.atelier.api.experiment.Links;
import dev.atelier.api.registry.TeacherView.Use;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.store.Columns;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.vocabulary.Subject;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.URI;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jdbi.v3.core.Jdbi;

/** What experiments have made that others can use: teachers and prepared datasets. */
@ApplicationScoped
class Registry {

  private static final String TEACHERS =
      """
      select e.id, e.name, e.spec, e.dataset, m.step, m.loss, m.parameters, m.macs, m.finished_at,
        m.fingerprint is not null as reusable,
        (select distance from evaluation v
          where v.experiment_id = e.id and v.subject = :subject) as distance,
        array(select o.experiment_id from model o
          where o.reused_from = m.id order by o.experiment_id) as used_by
      from model m join experiment e on e.id = m.experiment_id
      where m.key = 'teacher' and m.state = 'DONE' and m.reused_from is null
      """;

  private final Jdbi jdbi;
  private final Projects projects;

  Registry(Jdbi jdbi, Projects projects) {
    this.jdbi = jdbi;
    this.projects = projects;
  }

  /** Teachers that are done, the newest experiment first, of those before the one named. */
  List<TeacherView> teachers(Optional<String> before, int limit) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    TEACHERS
                        + """
                        and (:every or e.project = any(:own))
                        and (cast(:before as text) is null or (e.created_at, e.id) <
                          (select created_at, id from experiment
                            where id = :before and (:every or project = any(:own))))
                        order by e.created_at desc, e.id desc limit :limit
                        """)
                .bind("every", projects.visible().isEmpty())
                .bindArray("own", String.class, projects.visible().orElse(Set.of()))
                .bind("before", before)
                .bind("limit", limit)
                .bind("subject", Subject.TEACHER.word())
                .map((row, context) -> teacher(row))
                .list());
  }

  Optional<TeacherView> teacher(String experimentId) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(TEACHERS + "and e.id = :id")
                .bind("id", experimentId)
                .bind("subject", Subject.TEACHER.word())
                .map((row, context) -> teacher(row))
                .findOne());
  }

  private static TeacherView teacher(ResultSet row) throws SQLException {
    ExperimentSpec spec = SpecJson.read(row.getString("spec"), ExperimentSpec.class);
    return TeacherViewBuilder.builder()
        .id(row.getString("id"))
        .name(row.getString("name"))
        .dataset(
            Optional.ofNullable(row.getString("dataset"))
                .map(json -> SpecJson.read(json, DatasetRef.class)))
        .step(row.getInt("step"))
        .loss(Columns.finite(row, "loss"))
        .parameters(Columns.whole(row, "parameters"))
        .macs(Columns.whole(row, "macs"))
        .distance(Columns.finite(row, "distance"))
        .finishedAt(Columns.instant(row, "finished_at"))
        .usedBy(Columns.texts(row, "used_by"))
        .use(
            row.getBoolean("reusable")
                ? Optional.of(
                    new Use(spec.seed(), spec.dataset(), spec.diffusion(), spec.teacher()))
                : Optional.empty())
        .href(URI.create(Links.pathOf(row.getString("id"))))
        .build();
  }

  /** Prepared datasets in order of their SHA-256, of those after the one named. */
  List<DatasetView> datasets(Optional<String> after, int limit) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select d.sha256, d.experiments, d.first_used, d.sources, e.id, e.dataset
                    from (
                      select dataset ->> 'sha256' as sha256, count(*) as experiments,
                        min(created_at) as first_used,
                        array_agg(distinct coalesce(dataset_source, '')) as sources,
                        (array_agg(id order by created_at desc, id desc))[1] as newest
                      from experiment
                      where dataset is not null and (:every or project = any(:own)) group by 1
                    ) d join experiment e on e.id = d.newest
                    where cast(:after as text) is null or d.sha256 > :after
                    order by d.sha256 limit :limit
                    """)
                .bind("every", projects.visible().isEmpty())
                .bindArray("own", String.class, projects.visible().orElse(Set.of()))
                .bind("after", after)
                .bind("limit", limit)
                .map((row, context) -> dataset(row))
                .list());
  }

  private static DatasetView dataset(ResultSet row) throws SQLException {
    DatasetRef dataset = SpecJson.read(row.getString("dataset"), DatasetRef.class);
    Instant firstUsed = Columns.instant(row, "first_used").orElseThrow();
    return new DatasetView(
        dataset.sha256(),
        dataset.images(),
        dataset.resolution(),
        dataset.channels(),
        dataset.skipped(),
        dataset.classes(),
        Columns.texts(row, "sources"),
        row.getInt("experiments"),
        firstUsed,
        URI.create(Links.pathOf(row.getString("id"))),
        dataset.passedOver());
  }
}
