package dev.atelier.api.problem;

/** The kinds of errors that the API answers with; each has a stable URI path. */
public enum ProblemType {
  BAD_REQUEST("bad-request", 400, "The request cannot be read"),
  INVALID_PARAMETER("invalid-parameter", 400, "A parameter of the request is wrong"),
  MALFORMED_DOCUMENT("malformed-document", 400, "The document cannot be read"),
  UNAUTHORIZED("unauthorized", 401, "The caller is not known"),
  FORBIDDEN("forbidden", 403, "The caller may not do this"),
  FOREIGN_PAGE("foreign-page", 403, "A page of another site may not ask this server"),
  NOT_FOUND("not-found", 404, "There is nothing at this path"),
  EXPERIMENT_NOT_FOUND("experiment-not-found", 404, "There is no such experiment"),
  STUDY_NOT_FOUND("study-not-found", 404, "There is no such study"),
  MODEL_NOT_FOUND("model-not-found", 404, "The experiment has no such model"),
  ARTIFACT_NOT_FOUND("artifact-not-found", 404, "The experiment has no such artifact"),
  WEBHOOK_NOT_FOUND("webhook-not-found", 404, "There is no such webhook"),
  TEACHER_NOT_FOUND("teacher-not-found", 404, "There is no such teacher"),
  CHECK_NOT_FOUND("check-not-found", 404, "There is no such check"),
  TOKEN_NOT_FOUND("token-not-found", 404, "There is no such token"),
  PROJECT_NOT_FOUND("project-not-found", 404, "There is no such project"),
  PERSON_NOT_FOUND("person-not-found", 404, "There is no such person"),
  METHOD_NOT_ALLOWED("method-not-allowed", 405, "The path does not know this method"),
  NOT_ACCEPTABLE("not-acceptable", 406, "No acceptable media type can be served"),
  SLOW_BODY("slow-body", 408, "The body did not come in time"),
  RETRY_REFUSED("retry-refused", 409, "The model cannot be trained again now"),
  REQUEST_REFUSED("request-refused", 409, "The experiment cannot do this now"),
  EXPERIMENT_ENDED("experiment-ended", 409, "The experiment has ended"),
  STUDY_ENDED("study-ended", 409, "The study has ended"),
  EXPERIMENT_RUNNING("experiment-running", 409, "The experiment has not ended"),
  STUDY_RUNNING("study-running", 409, "The study has not ended"),
  CHECK_RUNNING("check-running", 409, "A check is running"),
  QUOTA_EXHAUSTED("quota-exhausted", 409, "The project has all that it may have"),
  NO_PUBLIC_STORE("no-public-store", 409, "Users are not known to reach the object store"),
  DOCUMENT_TOO_LARGE("document-too-large", 413, "The document is too large"),
  UNSUPPORTED_MEDIA_TYPE("unsupported-media-type", 415, "The media type is not supported"),
  UNKNOWN_HOST("unknown-host", 421, "The server does not go by this name"),
  INVALID_SPEC("invalid-spec", 422, "The document breaks the rules for its fields"),
  IDEMPOTENCY_KEY_REUSED("idempotency-key-reused", 422, "The Idempotency-Key is taken"),
  TOO_MANY_REQUESTS("too-many-requests", 429, "The caller asks too often"),
  INTERNAL("internal", 500, "The server has a fault"),
  TEMPORAL_BUSY("temporal-busy", 503, "Temporal has too many calls"),
  TEMPORAL_UNAVAILABLE("temporal-unavailable", 503, "Temporal cannot be reached"),
  STORE_UNAVAILABLE("store-unavailable", 503, "The object store cannot be reached"),
  DATABASE_UNAVAILABLE("database-unavailable", 503, "The database cannot be reached");

  private final String slug;
  private final int status;
  private final String title;

  ProblemType(String slug, int status, String title) {
    this.slug = slug;
    this.status = status;
    this.title = title;
  }

  public String uri() {
    return "/problems/" + slug;
  }

  public int status() {
    return status;
  }

  public String title() {
    return title;
  }
}
