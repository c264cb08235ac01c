package dev.atelier.local.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.cli.CommandFailure;
import dev.atelier.cli.Screen;
import dev.atelier.cli.TextTable;
import dev.atelier.evaluation.Comparison;
import dev.atelier.evaluation.FeatureExtractor;
import dev.atelier.evaluation.KernelDistance;
import dev.atelier.local.command.ComparedImages.Extractor;
import dev.atelier.local.command.ComparedImages.Images;
import dev.atelier.local.command.ComparedImages.Prepared;
import dev.atelier.local.command.ComparedImages.Session;
import dev.atelier.local.command.ComparedImages.Side;
import dev.atelier.local.command.ComparedImages.Source;
import dev.atelier.local.command.ComparedImages.Statistics;
import dev.atelier.workflows.Protocol;
import dev.atelier.workflows.ProtocolBuilder;
import dev.atelier.workflows.vocabulary.Metric;
import dev.atelier.workflows.vocabulary.Notation;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Every figure that compares samples with a reference, without any server. */
@Command(
    name = "metrics",
    description = "Measure every metric of samples against a reference, from one pass of features.")
final class MetricsCommand implements Callable<Integer> {

  private static final int DIGITS = 7; // enough to tell parity with the reference tools

  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .addModule(new Jdk8Module())
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  @Parameters(
      index = "0",
      paramLabel = "SAMPLES",
      description =
          "An image directory, an archive, a URL, cifar10 or shapes?count=N&seed=S; or an .npz with images uint8 [N, H, W, 3] as arr_0.")
  private String first;

  @Parameters(
      index = "1",
      paramLabel = "REFERENCE",
      description = "The real images; or an .npz with mu and sigma, which allows fewer metrics.")
  private String second;

  @Option(
      names = "--kid-subset-size",
      paramLabel = "N",
      description = "Images in each subset of the kernel distance (1000, or all where fewer).")
  private Optional<Integer> kidSubsetSize;

  @Option(names = "--json", description = "Print JSON: metric, metrics and protocol.")
  private boolean json;

  @Mixin private ComparedImages options;

  /** What {@code --json} prints. */
  private record Report(String metric, Map<String, Double> metrics, Protocol protocol) {}

  @Override
  public Integer call() throws CommandFailure {
    if (kidSubsetSize.isPresent() && kidSubsetSize.get() < 2) {
      throw options.wrongUsage(
          "--kid-subset-size must be 2 or more, found %d.".formatted(kidSubsetSize.get()));
    }
    options.compare(List.of(first, second), this::print);
    return ExitCode.OK;
  }

  private void print(Session session) throws IOException, CommandFailure {
    if (session.holdsStatistics(first)) {
      throw options.wrongUsage(
          "SAMPLES must be images, found statistics '%s'; fid compares statistics."
              .formatted(first));
    }
    Prepared unmeasured = session.prepare(first);
    Source opened = session.open(second);
    if (opened instanceof Prepared real) {
      KernelDistance.requireSubsets(kidSubsetSize, unmeasured.count(), real.count());
    } else if (kidSubsetSize.isPresent()) {
      throw options.wrongUsage(
          "--kid-subset-size is for a comparison with images, found statistics '%s'."
              .formatted(second));
    }
    Side reference = session.reference(opened);
    Images samples = session.samples(unmeasured);
    Comparison comparison =
        Comparison.of(
            samples.features(),
            ComparedImages.asReference(reference),
            kidSubsetSize,
            session.algebra());
    Protocol protocol = protocol(session, samples, reference, comparison);
    Screen screen = Screen.standard();
    screen.printText(
        json ? toJson(comparison, protocol) : text(samples, reference, comparison, protocol));
  }

  private static Protocol protocol(
      Session session, Images samples, Side reference, Comparison comparison) {
    Extractor extractor = session.extractor().orElseThrow();
    return ProtocolBuilder.builder()
        .metric(
            reference instanceof Statistics given
                ? FeatureExtractor.metricName(
                    extractor.name(), extractor.sha256(), given.statistics().extractorSha256())
                : FeatureExtractor.metricName(extractor.name(), extractor.sha256()))
        .extractor(extractor.name())
        .extractorSha256(extractor.sha256())
        .resizeTo(session.resizeTo())
        .samples((int) samples.features().statistics().count())
        .referenceImages((int) ComparedImages.asReference(reference).images().orElse(0))
        .referenceSha256(reference.sha256())
        .codeVersion("")
        .resolution(Optional.of(session.resolution()))
        .normalisation(Optional.of(FeatureExtractor.NORMALISATION))
        .referenceStatisticsSha256(
            reference instanceof Images ? Optional.empty() : Optional.of(reference.sha256()))
        .kernel(comparison.kernel())
        .classScoreSplits(comparison.classScoreSplits())
        .neighbours(comparison.neighbours())
        .build();
  }

  private static String toJson(Comparison comparison, Protocol protocol)
      throws JsonProcessingException {
    return JSON.writeValueAsString(new Report(protocol.metric(), comparison.byKey(), protocol));
  }

  private static String text(
      Images samples, Side reference, Comparison comparison, Protocol protocol) {
    TextTable table = new TextTable("metric", "value");
    comparison
        .figures()
        .forEach(
            (metric, value) ->
                table.row(metric.label(protocol.metric()), Notation.significant(value, DIGITS)));
    StringBuilder text =
        new StringBuilder(
            "%s against %s at %d×%d, features of %s (sha256 %s):%n%n"
                .formatted(
                    ComparedImages.described(samples),
                    ComparedImages.described(reference),
                    protocol.resolution().orElseThrow(),
                    protocol.resolution().orElseThrow(),
                    protocol.extractor(),
                    protocol.extractorSha256()));
    text.append(String.join(System.lineSeparator(), table.lines()));
    protocol
        .kernel()
        .ifPresent(
            k ->
                text.append(
                    "%n%nKernel distance over %d subsets of %d images, seed %d."
                        .formatted(k.subsets(), k.subsetSize(), k.seed())));
    protocol
        .neighbours()
        .ifPresent(
            n ->
                text.append(
                    "%nPrecision and recall with k = %d over %d and %d images."
                        .formatted(n.k(), n.samples(), n.referenceImages())));
    if (!comparison.figures().containsKey(Metric.PRECISION)) {
      text.append(
          "%n%nKernel distance, precision, recall, density and coverage need the reference's images, not statistics."
              .formatted());
    }
    return text.toString();
  }
}
