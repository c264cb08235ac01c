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
import dev.atelier.spec.ShapesSource;
import dev.atelier.spec.ShapesSource.Scene;
import dev.atelier.spec.TimestepRange;
import dev.atelier.training.ClassSequence;
import dev.atelier.training.EnsembleSampler;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Whether models of an export of {@code examples/text-to-image.yaml} paint what captions say that
 * no training has seen: colour and shape of each sample are told by {@link ShapesClassifier}.
 */
public final class TextObedienceBenchmark {

  private static final List<String> WORDINGS =
      List.of("a %s %s", "one %s %s", "a picture of a %s %s", "a drawing of a %s %s");
  private static final int BATCH = 50;

  private final List<Scene> heldOut;
  private final int samples;
  private final int side;
  private final long seed;

  private TextObedienceBenchmark(List<Scene> heldOut, int samples, int side, long seed) {
    this.heldOut = heldOut;
    this.samples = samples;
    this.side = side;
    this.seed = seed;
  }

  /**
   * Prints, for each subject, the share of samples that have the colour, the shape and both that
   * their captions say; and both where the captions are shuffled, with the share that is chance
   * then.
   *
   * @param args the folder of an export, the number of samples, and the seed of their noise
   */
  public static void main(String[] args) throws Exception {
    Path export = Path.of(args[0]);
    Libtorch.useThreads(2);
    ObjectMapper json = new ObjectMapper().registerModule(new Jdk8Module());
    JsonNode experiment = json.readTree(export.resolve("experiment.json").toFile());
    DiffusionSpec diffusion =
        json.treeToValue(experiment.at("/spec/diffusion"), DiffusionSpec.class);
    SamplerSpec sampler =
        json.treeToValue(experiment.at("/spec/evaluation/sampler"), SamplerSpec.class);
    int side = experiment.at("/spec/dataset/resolution").asInt();
    long seed = Long.parseLong(args[2]);
    TextObedienceBenchmark benchmark =
        new TextObedienceBenchmark(
            List.copyOf(
                ShapesSource.parse(experiment.at("/spec/dataset/source").asText()).without()),
            Integer.parseInt(args[1]),
            side,
            seed);
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
                  subject.equals("teacher")
                      ? diffusion.teacherPredicts()
                      : diffusion.studentsPredict(),
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
                  benchmark::caption,
                  "cpu",
                  work);
          EnsembleSampler sampling =
              new EnsembleSampler(
                  models, diffusion, sampler, seed, space.sampled(), "cpu", OptionalLong.empty())) {
        System.out.println(benchmark.judge(subject, sampling));
      }
    }
    System.exit(0); // libtorch's threads may keep the JVM alive
  }

  private static OwnedModel owned(
      Path archive, JsonNode model, Prediction prediction, double guidance) {
    return new OwnedModel(
        archive,
        new TimestepRange(model.at("/range/low").asInt(), model.at("/range/high").asInt()),
        prediction,
        Optional.of(model.get("macs").asLong()),
        Optional.empty(),
        guidance);
  }

  private Scene scene(long sample) {
    return heldOut.get((int) (sample % heldOut.size()));
  }

  private String caption(long sample) {
    Scene scene = scene(sample);
    return WORDINGS
        .get((int) (sample / heldOut.size() % WORDINGS.size()))
        .formatted(scene.hue().word(), scene.shape().word());
  }

  private String judge(String subject, EnsembleSampler sampling) {
    List<Integer> shuffled = new ArrayList<>(IntStream.range(0, samples).boxed().toList());
    Collections.shuffle(shuffled, new Random(seed));
    ShapesClassifier classifier = new ShapesClassifier(side);
    int[] right = new int[4];
    sampling.sample(
        0,
        samples,
        BATCH,
        (first, n, chw) -> {
          for (int i = 0; i < n; i++) {
            Seen seen = classifier.classify(chw, i * 3 * side * side);
            Scene said = scene(first + i);
            Scene other = scene(shuffled.get((int) first + i));
            boolean hue = seen.colour().equals(said.hue().word());
            boolean shape = seen.shape().equals(said.shape().word());
            right[0] += hue ? 1 : 0;
            right[1] += shape ? 1 : 0;
            right[2] += hue && shape ? 1 : 0;
            right[3] +=
                seen.colour().equals(other.hue().word())
                        && seen.shape().equals(other.shape().word())
                    ? 1
                    : 0;
          }
        },
        () -> false);
    return String.format(
        Locale.ROOT,
        "{\"subject\": \"%s\", \"samples\": %d, \"colour\": %.3f, \"shape\": %.3f, \"both\": %.3f, \"shuffled\": %.3f, \"chance\": %.3f, \"macsPerStep\": %.0f}",
        subject,
        samples,
        right[0] / (double) samples,
        right[1] / (double) samples,
        right[2] / (double) samples,
        right[3] / (double) samples,
        1.0 / heldOut.size(),
        sampling.macsPerStep().orElse(0.0));
  }
}
