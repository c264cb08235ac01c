package dev.atelier.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.dataset.ShapesClassifier;
import dev.atelier.dataset.ShapesClassifier.Seen;
import dev.atelier.evaluation.SamplingSpace.PartsFolder;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.pipeline.RandomClip;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TimestepRange;
import dev.atelier.training.ClassSequence;
import dev.atelier.training.EnsembleSampler;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Whether models of an export of {@code examples/text-to-image.yaml} paint what captions say that
 * no training has seen: colour and shape of each sample are told by {@link ShapesClassifier}.
 */
public final class TextObedienceBenchmark {

  private static final List<String> HELD_OUT =
      List.of("red circle", "blue cross", "green triangle", "cyan square");
  private static final List<String> WORDINGS =
      List.of("a %s %s", "one %s %s", "a picture of a %s %s", "a drawing of a %s %s");
  private static final int BATCH = 50;

  private TextObedienceBenchmark() {}

  /**
   * Prints, for each subject, how many of so many samples have the colour, the shape and both that
   * their captions say, and both where captions are those of other samples.
   *
   * @param args the folder of an export, the number of samples, and the seed of their noise
   */
  public static void main(String[] args) throws Exception {
    Path export = Path.of(args[0]);
    int samples = Integer.parseInt(args[1]);
    Libtorch.useThreads(2);
    ObjectMapper json = new ObjectMapper().registerModule(new Jdk8Module());
    JsonNode experiment = json.readTree(export.resolve("experiment.json").toFile());
    DiffusionSpec diffusion =
        json.treeToValue(experiment.at("/spec/diffusion"), DiffusionSpec.class);
    SamplerSpec sampler =
        json.treeToValue(experiment.at("/spec/evaluation/sampler"), SamplerSpec.class);
    int side = experiment.at("/spec/dataset/resolution").asInt();
    double guidance = experiment.at("/spec/evaluation/guidance").asDouble(1);
    boolean distilled = experiment.at("/spec/students/loss/guidance").isNumber();
    Path work = Files.createTempDirectory("obedience-");
    RandomClip.write(work);
    for (String subject : List.of("teacher", "one-to-one", "o2mkd")) {
      List<OwnedModel> models = new ArrayList<>();
      for (JsonNode model : experiment.get("models")) {
        String name = model.get("name").asText();
        boolean student = name.startsWith("student-");
        if (subject.equals("o2mkd") ? student : name.equals(subject)) {
          models.add(
              owned(
                  export.resolve(model.get("torchScript").asText()),
                  model,
                  subject.equals("teacher") || !distilled ? guidance : 1));
        }
      }
      if (models.isEmpty()) {
        continue;
      }
      try (SamplingSpace space =
              SamplingSpace.of(
                  3,
                  side,
                  ClassSequence.NONE,
                  Optional.of(new PartsFolder(work, false, true)),
                  TextObedienceBenchmark::caption,
                  "cpu",
                  work);
          EnsembleSampler sampling =
              new EnsembleSampler(
                  models,
                  diffusion,
                  sampler,
                  Long.parseLong(args[2]),
                  space.sampled(),
                  "cpu",
                  OptionalLong.empty())) {
        System.out.println(judge(subject, sampling, samples, side));
      }
    }
    System.exit(0); // libtorch's threads may keep the JVM alive
  }

  private static OwnedModel owned(Path archive, JsonNode model, double guidance) {
    return new OwnedModel(
        archive,
        new TimestepRange(model.at("/range/low").asInt(), model.at("/range/high").asInt()),
        Prediction.EPS,
        Optional.of(model.get("macs").asLong()),
        Optional.empty(),
        guidance);
  }

  private static String[] scene(long sample) {
    return HELD_OUT.get((int) (sample % HELD_OUT.size())).split(" ", -1);
  }

  private static String caption(long sample) {
    String[] scene = scene(sample);
    return WORDINGS
        .get((int) (sample / HELD_OUT.size() % WORDINGS.size()))
        .formatted(scene[0], scene[1]);
  }

  private static String judge(String subject, EnsembleSampler sampling, int samples, int side) {
    ShapesClassifier classifier = new ShapesClassifier(side);
    int[] right = new int[4];
    sampling.sample(
        0,
        samples,
        BATCH,
        (first, n, chw) -> {
          for (int i = 0; i < n; i++) {
            Seen seen = classifier.classify(chw, i * 3 * side * side);
            String[] said = scene(first + i);
            // As many places on as makes each scene meet each other one equally often.
            String[] other = scene(first + i + 1 + (first + i) / HELD_OUT.size() % 3);
            right[0] += seen.colour().equals(said[0]) ? 1 : 0;
            right[1] += seen.shape().equals(said[1]) ? 1 : 0;
            right[2] += seen.colour().equals(said[0]) && seen.shape().equals(said[1]) ? 1 : 0;
            right[3] += seen.colour().equals(other[0]) && seen.shape().equals(other[1]) ? 1 : 0;
          }
        },
        () -> false);
    return String.format(
        Locale.ROOT,
        "{\"subject\": \"%s\", \"samples\": %d, \"colour\": %.3f, \"shape\": %.3f, \"both\": %.3f, \"shuffled\": %.3f, \"macsPerStep\": %.0f}",
        subject,
        samples,
        right[0] / (double) samples,
        right[1] / (double) samples,
        right[2] / (double) samples,
        right[3] / (double) samples,
        sampling.macsPerStep().orElse(0.0));
  }
}
