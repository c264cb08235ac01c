package dev.atelier.api.access;

import static dev.atelier.api.access.Operations.Scope.EXPERIMENT;
import static dev.atelier.api.access.Operations.Scope.INSTALLATION;
import static dev.atelier.api.access.Operations.Scope.LAUNCH;
import static dev.atelier.api.access.Operations.Scope.LAUNCH_FOR_ALL;
import static dev.atelier.api.access.Operations.Scope.LIST;
import static dev.atelier.api.access.Operations.Scope.PROJECT;
import static dev.atelier.api.access.Operations.Scope.STUDY;
import static dev.atelier.api.access.Operations.Scope.WEBHOOK;
import static dev.atelier.api.access.Role.ADMIN;
import static dev.atelier.api.access.Role.OPERATOR;
import static dev.atelier.api.access.Role.VIEWER;

import java.util.Map;
import java.util.Optional;

/** Who may do what: one row for each operation of the API. An operation without one is refused. */
public final class Operations {

  private Operations() {}

  /** What an operation is about, and so whose projects are asked. */
  public enum Scope {
    /** Nothing that belongs to a project. */
    INSTALLATION,
    /** The experiment that {@code {id}} in the path names. */
    EXPERIMENT,
    /** The study that {@code {id}} in the path names. */
    STUDY,
    /** The webhook that {@code {id}} in the path names. */
    WEBHOOK,
    /** The project that {@code {project}} in the path names. */
    PROJECT,
    /** Something new in the project that the request names. */
    LAUNCH,
    /** The same, or of every project if an admin names none. */
    LAUNCH_FOR_ALL,
    /** Whatever the caller may see; the resource leaves out the rest, by {@link Projects}. */
    LIST
  }

  /** What an operation needs. */
  public record Rule(Role role, Scope scope) {}

  private static final Map<String, Rule> RULES =
      Map.ofEntries(
          row("experimentSchema", VIEWER, INSTALLATION),
          row("studySchema", VIEWER, INSTALLATION),
          row("vocabulary", VIEWER, INSTALLATION),
          row("whoAmI", VIEWER, INSTALLATION),
          row("openSession", VIEWER, INSTALLATION),
          row("closeSession", VIEWER, INSTALLATION),
          row("createSignInLink", VIEWER, INSTALLATION),
          row("listExperiments", VIEWER, LIST),
          row("compareExperiments", VIEWER, LIST),
          row("experimentLosses", VIEWER, LIST),
          row("showExperiment", VIEWER, EXPERIMENT),
          row("streamExperiment", VIEWER, EXPERIMENT),
          row("listEvents", VIEWER, EXPERIMENT),
          row("modelMetrics", VIEWER, EXPERIMENT),
          row("studentMetrics", VIEWER, EXPERIMENT),
          row("teacherMetrics", VIEWER, EXPERIMENT),
          row("getArtifact", VIEWER, EXPERIMENT),
          row("getSamples", VIEWER, EXPERIMENT),
          row("listEvaluations", VIEWER, EXPERIMENT),
          row("showModel", VIEWER, EXPERIMENT),
          row("listArtifacts", VIEWER, EXPERIMENT),
          row("linkArtifact", VIEWER, EXPERIMENT),
          row("listTeachers", VIEWER, LIST),
          row("showTeacher", VIEWER, EXPERIMENT),
          row("listDatasets", VIEWER, LIST),
          row("listWorkers", VIEWER, LIST),
          row("listProjects", VIEWER, LIST),
          row("showQuota", VIEWER, PROJECT),
          row("listUsage", VIEWER, PROJECT),
          row("setQuota", ADMIN, PROJECT),
          row("launchExperiment", OPERATOR, LAUNCH),
          row("cancelExperiment", OPERATOR, EXPERIMENT),
          row("deleteExperiment", OPERATOR, EXPERIMENT),
          row("pauseExperiment", OPERATOR, EXPERIMENT),
          row("resumeExperiment", OPERATOR, EXPERIMENT),
          row("rerunEvaluation", OPERATOR, EXPERIMENT),
          row("retryModel", OPERATOR, EXPERIMENT),
          row("retryStudent", OPERATOR, EXPERIMENT),
          row("retryTeacher", OPERATOR, EXPERIMENT),
          row("extendModel", OPERATOR, EXPERIMENT),
          row("replaceStudent", OPERATOR, EXPERIMENT),
          row("cancelModel", OPERATOR, EXPERIMENT),
          row("listStudies", VIEWER, LIST),
          row("showStudy", VIEWER, STUDY),
          row("getStudyArtifact", VIEWER, STUDY),
          row("launchStudy", OPERATOR, LAUNCH),
          row("cancelStudy", OPERATOR, STUDY),
          row("deleteStudy", OPERATOR, STUDY),
          row("startCheck", ADMIN, INSTALLATION),
          row("listChecks", ADMIN, INSTALLATION),
          row("showCheck", ADMIN, INSTALLATION),
          // Not a viewer's: their URLs may hold keys.
          row("createWebhook", OPERATOR, LAUNCH_FOR_ALL),
          row("listWebhooks", OPERATOR, LIST),
          row("showWebhook", OPERATOR, WEBHOOK),
          row("deleteWebhook", OPERATOR, WEBHOOK),
          row("listDeliveries", OPERATOR, WEBHOOK),
          row("testWebhook", OPERATOR, WEBHOOK),
          // Histories are of every project.
          row("decodePayloads", ADMIN, INSTALLATION),
          row("encodePayloads", ADMIN, INSTALLATION),
          row("createToken", ADMIN, INSTALLATION),
          row("listTokens", ADMIN, INSTALLATION),
          row("revokeToken", ADMIN, INSTALLATION),
          // Their own alone, whoever they are.
          row("createOwnToken", VIEWER, INSTALLATION),
          row("listOwnTokens", VIEWER, INSTALLATION),
          row("revokeOwnToken", VIEWER, INSTALLATION),
          row("listPeople", ADMIN, INSTALLATION),
          row("signPersonOut", ADMIN, INSTALLATION),
          row("listAudit", ADMIN, INSTALLATION));

  private static Map.Entry<String, Rule> row(String operationId, Role role, Scope scope) {
    return Map.entry(operationId, new Rule(role, scope));
  }

  /** What the operation needs; empty: there is no row for it. */
  public static Optional<Rule> ruleOf(String operationId) {
    return Optional.ofNullable(RULES.get(operationId));
  }

  /** Every row. */
  public static Map<String, Rule> all() {
    return RULES;
  }
}
