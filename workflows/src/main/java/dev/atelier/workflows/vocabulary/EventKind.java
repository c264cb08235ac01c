package dev.atelier.workflows.vocabulary;

/** What happened to an experiment, or was noticed of it. */
public enum EventKind {
  LAUNCHED("launched", "the experiment was stored"),
  WARNING("warning", "something of its spec is allowed but seldom meant"),
  STAGE("stage", "it entered a stage"),
  CANCEL("cancel", "a user asked to stop it"),
  PAUSE("pause", "a user paused it"),
  RESUME("resume", "a user let it go on"),
  RETRY("retry", "a user asked to train a failed model again"),
  EXTEND("extend", "a user asked to train a model to more steps"),
  REPLACE("replace", "a user asked to train a student anew with other settings"),
  CANCEL_MODEL("cancel-model", "a user asked to go on without a model"),
  RERUN_EVALUATION("rerun-evaluation", "a user asked to evaluate again"),
  FIGURES_OUTDATED("figures-outdated", "figures no longer hold, as a model changed"),
  TURN_AWAITED("turn-awaited", "work waits, as its project's bounds leave no room"),
  MODEL_STARTED("model-started", "an attempt at a model began"),
  MODEL_DONE("model-done", "a model is trained"),
  MODEL_FAILED("model-failed", "a model failed"),
  MODEL_CANCELED("model-canceled", "a model is no longer wanted"),
  MODEL_REUSED("model-reused", "a model was taken over from another experiment"),
  TEACHER_TAKEN("teacher-taken", "what an imported teacher was taken from"),
  TEACHER_RANGE("teacher-range", "the teacher owns a range"),
  RANGES_PLANNED("ranges-planned", "the ranges of the students were found"),
  DATASET_REUSED("dataset-reused", "the dataset was taken over from another experiment"),
  CLASSES_FOUND("classes-found", "the classes of the dataset"),
  IMAGES_SKIPPED("images-skipped", "images of the dataset that were left out"),
  FILES_PASSED_OVER("files-passed-over", "files of the dataset's source that are no images"),
  PROMPTS_TAKEN("prompts-taken", "what samples are to show, and which texts were left out or cut"),
  CAPTIONS_CUT("captions-cut", "captions were longer than the text encoder reads"),
  SOURCE_KEPT("source-kept", "a source could not be reached, and its earlier copy was used"),
  CHECKPOINT_CORRUPT("checkpoint-corrupt", "a checkpoint is damaged, and the one before was taken"),
  NOT_BIT_IDENTICAL(
      "not-bit-identical", "a training goes on elsewhere, so that its bits may differ"),
  EVALUATION_REUSED("evaluation-reused", "figures were taken over from another experiment"),
  MEMORY_NOT_MEASURED("memory-not-measured", "the memory of sampling could not be measured"),
  MODELS_IN_TURN("models-in-turn", "the models of a subject were loaded in turn"),
  MERGED("merged", "students were merged"),
  MERGE_REFUSED("merge-refused", "students could not be merged"),
  SCHEDULES_SEARCHED("schedules-searched", "schedules were searched"),
  SEARCH_REFUSED("search-refused", "schedules could not be searched"),
  ENSEMBLE_LEFT_OUT("ensemble-left-out", "the file of an ensemble could not be written"),
  FOLDER_LEFT_OUT("folder-left-out", "diffusers has no class for the networks of some models");

  private final String word;
  private final String description;

  EventKind(String word, String description) {
    this.word = word;
    this.description = description;
  }

  /** Its name in the database and over REST. */
  public String word() {
    return word;
  }

  public String description() {
    return description;
  }
}
