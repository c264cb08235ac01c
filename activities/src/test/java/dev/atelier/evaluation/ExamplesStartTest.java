package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.atelier.evaluation.FeatureExtractor.Convention;
import dev.atelier.examples.ExampleSpecs;
import dev.atelier.network.FeatureLoss;
import dev.atelier.network.Network;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.spec.EvaluationSpec.ExtractorSpec;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.NetworkSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every example and study, in both sizes, as far as its first training step: each experiment's
 * networks and losses can be laid out, its extractor takes its images and has fewer features than
 * there are samples. Files of {@code data/} have stand-ins: for Inception a network that has its
 * signature alone ({@code inception_like_fixture.py}), for other extractors the built-in one.
 */
class ExamplesStartTest {

  private static final String INCEPTION = "data/inception-2015-12-05.pt";

  /** Images of the sources that studies and examples name. */
  private static final Map<String, Integer> IMAGES =
      Map.of(
          "cifar10", 50_000,
          "data/cifar10-imagefolder.tar.xz", 50_000,
          "data/church_outdoor_train_lmdb", 126_227,
          "data/celebahq-256", 30_000,
          "data/coco/train2014", 82_783);

  private static final Pattern COSTS = Pattern.compile("# ([\\d.]+ M parameters, [\\d.]+ GMACs)");
  private static final Pattern SHAPES = Pattern.compile("shapes\\?count=(\\d+)");

  @TempDir Path directory;
  private final Map<String, FeatureExtractor> extractors = new HashMap<>();

  @AfterEach
  void close() {
    extractors.values().forEach(FeatureExtractor::close);
  }

  static List<Path> files() throws IOException {
    return ExampleSpecs.files();
  }

  @ParameterizedTest
  @MethodSource("files")
  void shouldBeReadyForItsFirstTrainingStep(Path file) throws IOException {
    for (ExperimentSpec spec : ExampleSpecs.experiments(file)) {
      assertThatCode(() -> prepare(spec)).as("%s", file).doesNotThrowAnyException();
    }
  }

  /** The paper's figures are FIDs: others could not be set beside them. */
  @Test
  void shouldMeasureStudiesOfThePapersSizeWithInception() throws IOException {
    for (Path file : files()) {
      if (file.toString().contains("paper")) {
        assertThat(ExampleSpecs.experiments(file))
            .as(file.toString())
            .allMatch(spec -> spec.evaluation().extractor().source().equals(INCEPTION));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("files")
  void shouldSayWhatItsNetworksCost(Path file) throws IOException {
    List<String> said =
        COSTS.matcher(Files.readString(file)).results().map(m -> m.group(1)).toList();
    List<String> costs =
        ExampleSpecs.experiments(file).stream()
            .flatMap(spec -> networks(spec).stream())
            .map(ExamplesStartTest::cost)
            .distinct()
            .toList();
    assertThat(costs).as(file.toString()).containsAll(said);
    assertThat(said.isEmpty()).isEqualTo(!file.toString().contains("paper"));
  }

  private static String cost(Network network) {
    return String.format(
        Locale.ROOT,
        "%.1f M parameters, %.1f GMACs",
        network.parameters() / 1e6,
        network.macs() / 1e9);
  }

  private void prepare(ExperimentSpec spec) {
    Network teacher = network(spec.teacher().network(), spec.dataset());
    for (Network student : networks(spec)) {
      if (spec.students().loss().feature().wanted() && student != teacher) {
        assertThat(new FeatureLoss(spec.students().loss().feature(), student, teacher)).isNotNull();
      }
    }
    if (!spec.students().assignment().plannedLater()) {
      assertThat(spec.ranges()).hasSize(spec.students().count());
    }
    EvaluationSpec evaluation = spec.evaluation();
    int images = images(spec.dataset());
    FeatureExtractor extractor = extractor(evaluation.extractor(), spec.dataset().resolution());
    MeasuredFeatures.requireEnough(
        "evaluation.samples", evaluation.samples(), extractor.dimension());
    MeasuredFeatures.requireEnough("images in the dataset", images, extractor.dimension());
    if (spec.merge().searches()) {
      ExtrapolatedDistance.requireEnough(
          "merge.samples", spec.merge().samples(), extractor.dimension());
    }
    if (spec.search().wanted()) {
      ExtrapolatedDistance.requireEnough(
          "search.samples", spec.search().samples(), extractor.dimension());
    }
    KernelDistance.requireSubsets(evaluation.kidSubsetSize(), evaluation.samples(), images);
  }

  private static List<Network> networks(ExperimentSpec spec) {
    return Stream.concat(
            Stream.of(spec.teacher().network()),
            IntStream.rangeClosed(1, spec.students().count()).mapToObj(spec.students()::networkOf))
        .distinct()
        .map(network -> network(network, spec.dataset()))
        .toList();
  }

  private static Network network(NetworkSpec network, DatasetSpec dataset) {
    return Network.of(network, dataset.resolution(), dataset.channels());
  }

  private FeatureExtractor extractor(ExtractorSpec spec, int resolution) {
    return extractors.computeIfAbsent(
        spec + " " + resolution,
        key -> {
          boolean inception = spec.source().equals(INCEPTION);
          assertThat(spec.source())
              .isIn(INCEPTION, ExtractorSpec.RANDOM_CONV, "data/resnet56-cifar10.pt");
          return FeatureExtractor.open(
              inception ? Path.of("src/test/resources/evaluation/inception-like.pt") : randomConv(),
              spec.source(),
              inception ? Convention.INCEPTION : Convention.PLAIN,
              spec.resizeTo(),
              resolution,
              "cpu");
        });
  }

  private Path randomConv() {
    Path file = directory.resolve("random-conv.pt");
    assertThatCode(() -> RandomConvExtractor.write(file)).doesNotThrowAnyException();
    return file;
  }

  private static int images(DatasetSpec dataset) {
    if (IMAGES.containsKey(dataset.source())) {
      return IMAGES.get(dataset.source());
    }
    return SHAPES
        .matcher(dataset.source())
        .results()
        .map(match -> Integer.parseInt(match.group(1)))
        .findFirst()
        .orElseThrow(() -> new AssertionError("How many images has '%s'?".formatted(dataset)));
  }
}
