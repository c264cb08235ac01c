package dev.atelier.store;

import dev.atelier.workflows.ModelKey;

/** Where an experiment's objects lie in the bucket. */
public final class ExperimentKeys {

  private ExperimentKeys() {}

  public static String dataset(String sha256) {
    return "datasets/" + sha256 + "/";
  }

  /** Shards of what networks see of a dataset; they go with it. */
  public static String encoded(String datasetSha256, String kind, String inputs) {
    return dataset(datasetSha256) + kind + "-" + inputs + "/";
  }

  /** Below it, the parts of a pipeline that an experiment's networks need. */
  public static String parts(String experimentId) {
    return experiment(experimentId) + "parts/";
  }

  public static String extractor(String sha256) {
    return "extractors/" + sha256 + ".pt";
  }

  /** The list of a CLIP model's files. */
  public static String clip(String sha256) {
    return "clip/" + sha256 + ".json";
  }

  public static String clipFile(String sha256) {
    return "clip/files/" + sha256;
  }

  public static String prompts(String sha256) {
    return "prompts/" + sha256 + ".json";
  }

  public static String statistics(String sha256) {
    return "statistics/" + sha256 + ".safetensors";
  }

  public static String givenStatistics(String sha256) {
    return "statistics/" + sha256 + ".npz";
  }

  public static String checkpoints(String experimentId, ModelKey key) {
    return checkpoints(experimentId, key, 0);
  }

  /** Checkpoints of a model's {@code place}: each keeps those of the others apart. */
  public static String checkpoints(String experimentId, ModelKey key, int place) {
    String folder = place == 0 ? "/checkpoints/" : "/checkpoints-%d/".formatted(place);
    return experiment(experimentId) + model(key) + folder;
  }

  public static String samples(String experimentId, String fileName) {
    return experiment(experimentId) + "samples/" + fileName;
  }

  /** Below it, the sampling shards of all subjects; only until these are evaluated. */
  public static String shards(String experimentId) {
    return experiment(experimentId) + "samples/shards/";
  }

  /** Below it, the sampling shards of one subject. */
  public static String shards(String experimentId, String subject) {
    return shards(experimentId) + subject + "/";
  }

  /** One sampling shard of what has the fingerprint {@code inputs}. */
  public static String shard(
      String experimentId, String subject, String inputs, int first, int images) {
    return shards(experimentId, subject) + "%s/%d-%d.safetensors".formatted(inputs, first, images);
  }

  /** A list of models with this content hash. */
  public static String models(String experimentId, String sha256) {
    return experiment(experimentId) + "models/" + sha256 + ".json";
  }

  public static String export(String experimentId, String fileName) {
    return experiment(experimentId) + "export/" + fileName;
  }

  /** Which statistics a dataset has under an extractor, by the hash of both. */
  public static String measuredStatistics(String inputsSha256) {
    return "statistics/of/" + inputsSha256 + ".json";
  }

  public static String studyReport(String studyId, String fileName) {
    return "studies/" + studyId + "/report/" + fileName;
  }

  /** Weights that trainings of the experiment began with, by content hash. */
  public static String start(String experimentId, String sha256) {
    return experiment(experimentId) + "students/starts/" + sha256 + ".safetensors";
  }

  /** The objects of a merged model whose weights have the content hash {@code sha256}. */
  public static String merged(String experimentId, int m, String sha256) {
    return experiment(experimentId) + "merged/%d/%s/".formatted(m, sha256);
  }

  public static String report(String experimentId, String fileName) {
    return experiment(experimentId) + "report/" + fileName;
  }

  private static String experiment(String experimentId) {
    return "experiments/" + experimentId + "/";
  }

  private static String model(ModelKey key) {
    return key.equals(ModelKey.TEACHER)
        ? "teacher"
        : "students/" + key.value().replaceFirst("^student-", "");
  }
}
