package dev.atelier.local.command;

import dev.atelier.cli.CommandFailure;
import dev.atelier.cli.Screen;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.evaluation.FeatureExtractor;
import dev.atelier.evaluation.FrechetDistance;
import dev.atelier.evaluation.ReferenceStatistics;
import dev.atelier.local.command.ComparedImages.Images;
import dev.atelier.local.command.ComparedImages.Session;
import dev.atelier.local.command.ComparedImages.Side;
import dev.atelier.local.command.ComparedImages.Source;
import dev.atelier.local.command.ComparedImages.Statistics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Compares two sets of images without any server; the last line is one number. */
@Command(
    name = "fid",
    description =
        "Measure the Fréchet distance of two image sources or .npz statistics; its last line is the number.")
final class FidCommand implements Callable<Integer> {

  @Parameters(
      index = "0",
      paramLabel = "A",
      description =
          "An image directory, an archive, a URL, cifar10, shapes?count=N&seed=S; or an .npz with mu and sigma, or with images uint8 [N, H, W, 3] as arr_0.")
  private String first;

  @Parameters(
      index = "1",
      paramLabel = "B",
      arity = "0..1",
      description = "Another one; left out with --save.")
  private Optional<String> second;

  @Option(
      names = "--save",
      paramLabel = "FILE.npz",
      description =
          "Write the statistics of the images A, as pytorch-fid does, and compare nothing.")
  private Optional<Path> save;

  @Mixin private ComparedImages options;

  @Override
  public Integer call() throws CommandFailure {
    if (save.isPresent() && second.isPresent()) {
      throw options.wrongUsage(
          "--save writes the statistics of one source of images: expected A alone, found '%s' and '%s'."
              .formatted(first, second.get()));
    }
    if (save.isPresent()) {
      if (!ComparedImages.namesNumpyFile(save.get().toString())) {
        throw options.wrongUsage("--save must name an .npz, found '%s'.".formatted(save.get()));
      }
      options.compare(List.of(first), session -> save(session, save.get()));
      return ExitCode.OK;
    }
    if (second.isEmpty()) {
      throw options.wrongUsage("fid compares two sources, found '%s' alone.".formatted(first));
    }
    options.compare(List.of(first, second.get()), this::print);
    return ExitCode.OK;
  }

  private void save(Session session, Path file) throws IOException, CommandFailure {
    if (session.holdsStatistics(first)) {
      throw options.wrongUsage("--save measures images, found statistics '%s'.".formatted(first));
    }
    Images images = (Images) session.reference(session.prepare(first));
    if (file.toAbsolutePath().getParent() != null) {
      Files.createDirectories(file.toAbsolutePath().getParent());
    }
    new ReferenceStatistics(
            ComparedImages.gaussian(images),
            OptionalLong.of(images.features().statistics().count()),
            session.extractor().map(ComparedImages.Extractor::sha256))
        .write(file);
    Screen.standard()
        .print(
            "Wrote mu and sigma of %s at %d×%d (%s) to %s."
                .formatted(
                    ComparedImages.described(images),
                    session.resolution(),
                    session.resolution(),
                    session.extractor().orElseThrow().name(),
                    file));
  }

  private void print(Session session) throws IOException, CommandFailure {
    Source openedA = session.open(first);
    Source openedB = session.open(second.orElseThrow());
    Side a = session.reference(openedA);
    Side b = session.reference(openedB);
    Networks networks = networksOf(session, a, b);
    double distance =
        FrechetDistance.between(
            ComparedImages.gaussian(a), ComparedImages.gaussian(b), session.algebra());
    Screen screen = Screen.standard();
    screen.print(
        "%s of %s and %s%s:"
            .formatted(
                networks.metricName(session),
                ComparedImages.described(a),
                ComparedImages.described(b),
                session.extractor().isEmpty()
                    ? ""
                    : " at %d×%d".formatted(session.resolution(), session.resolution())));
    screen.print(Double.toString(distance));
  }

  /** The SHA-256 of the network behind each side, where it is known: the same, if both are. */
  private record Networks(Optional<String> a, Optional<String> b) {
    String metricName(Session session) {
      Optional<String> known = a.or(() -> b);
      return FeatureExtractor.metricName(
          session
              .extractor()
              .map(ComparedImages.Extractor::name)
              .orElse(known.map(s -> "extractor " + s.substring(0, 8)).orElse("unknown extractor")),
          known.orElse(""),
          a.flatMap(ours -> b));
    }
  }

  private static Networks networksOf(Session session, Side a, Side b) {
    Optional<String> ours = session.extractor().map(ComparedImages.Extractor::sha256);
    // Where nothing is measured, --extractor can only say what made the statistics.
    boolean measured = a instanceof Images || b instanceof Images;
    Optional<String> named = measured ? Optional.empty() : ours;
    Networks networks =
        new Networks(networkOf(a, ours).or(() -> named), networkOf(b, ours).or(() -> named));
    int dimension = ComparedImages.gaussian(a).dimension();
    int other = ComparedImages.gaussian(b).dimension();
    List<String> known =
        Stream.of(networks.a(), networks.b()).flatMap(Optional::stream).distinct().toList();
    if (known.size() > 1 || dimension != other) {
      throw new EvaluationException(
          "'%s' and '%s' come from different extractors: found %d and %d features%s."
              .formatted(
                  a.source(),
                  b.source(),
                  dimension,
                  other,
                  known.size() > 1 ? ", sha256 " + String.join(" and ", known) : ""));
    }
    return networks;
  }

  private static Optional<String> networkOf(Side side, Optional<String> measuring) {
    return side instanceof Statistics given ? given.statistics().extractorSha256() : measuring;
  }
}
