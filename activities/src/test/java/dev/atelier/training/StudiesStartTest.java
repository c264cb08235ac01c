package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.examples.ExampleSpecs;
import dev.atelier.graph.Value;
import dev.atelier.network.FeatureLoss;
import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.TrainingModule;
import dev.atelier.network.TrainingModule.Settings;
import dev.atelier.network.TrainingModule.TeacherNetwork;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.SpecRules;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.TeacherSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.spec.TrainingSpecBuilder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every study of {@code studies/}, in both sizes, up to its first training step: each experiment
 * meets every rule, its networks are laid out, the trainings of its teacher and students are put
 * together, and their first batch is drawn. Networks of the paper's size are laid out as graphs,
 * without weights; of those that are small the training step itself is written.
 */
class StudiesStartTest {

  private static final int MOST_ELEMENTS = 1 << 21; // of a batch that is drawn here
  private static final long SMALL = 1_000_000; // parameters

  static List<Path> files() throws IOException {
    return ExampleSpecs.files().stream().filter(f -> f.toString().contains("studies")).toList();
  }

  @Test
  void shouldHaveEachStudyInBothSizes() throws IOException {
    List<String> names = files().stream().map(f -> f.getFileName().toString()).toList();
    assertThat(names)
        .contains(
            "coco30k.yaml",
            "lsun-church-256.yaml",
            "celebahq-256.yaml",
            "cifar10.yaml",
            "n-by-p.yaml",
            "samplers.yaml");
    assertThat(names).hasSize(2 * (int) names.stream().distinct().count());
  }

  @ParameterizedTest
  @MethodSource("files")
  void shouldBeReadyForItsFirstTrainingStep(Path file) throws IOException {
    List<ExperimentSpec> experiments = ExampleSpecs.experiments(file);
    for (ExperimentSpec spec : experiments) {
      assertThat(SpecRules.check(spec)).as("%s", file).isEmpty();
    }
    for (ExperimentSpec spec :
        List.of(experiments.get(0), experiments.get(experiments.size() - 1))) {
      Network teacher = network(spec, teacher(spec));
      if (spec.teacher().source().isEmpty()) {
        first(spec, task(spec, teacher, spec.teacher().training(), Optional.empty()));
      }
      for (int student : List.of(1, spec.students().count())) {
        StudentsSpec design = spec.students().designOf(student);
        Network network = network(spec, design.network());
        Distillation distillation =
            new Distillation(
                new TeacherModel.Weights(teacher, Map.of()),
                range(spec, student),
                design.specificProbability(),
                design.loss(),
                design.antithetic(),
                design.rangeDraw());
        first(spec, task(spec, network, design.training(), Optional.of(distillation)));
        if (Math.max(network.parameters(), teacher.parameters()) <= SMALL) {
          assertThat(step(spec, design, network, teacher)).contains("def teach_step(");
        }
      }
    }
  }

  /** A pipeline brings its own network, which sees and reads what its students do. */
  private static NetworkSpec teacher(ExperimentSpec spec) {
    NetworkSpec said = spec.teacher().network();
    return spec.teacher().source().isPresent() && said.equals(TeacherSpec.DEFAULT_NETWORK)
        ? spec.students().network()
        : said;
  }

  /** Its layout says what it weighs and what one image takes, without a weight in memory. */
  private static Network network(ExperimentSpec spec, NetworkSpec network) {
    Network laidOut = Network.of(network, spec.dataset().resolution(), spec.dataset().channels());
    assertThat(laidOut.weights().stream().mapToLong(w -> elements(w.dimensions())).sum())
        .isEqualTo(laidOut.parameters());
    assertThat(laidOut.activationBytes()).isPositive();
    assertThat(laidOut.context().isPresent()).isEqualTo(spec.dataset().captions().isPresent());
    return laidOut;
  }

  private static TimestepRange range(ExperimentSpec spec, int student) {
    return spec.students().assignment().plannedLater()
        ? new TimestepRange(0, spec.diffusion().timesteps())
        : spec.ranges().get(student - 1);
  }

  private static TrainingTask task(
      ExperimentSpec spec,
      Network network,
      TrainingSpec training,
      Optional<Distillation> distillation) {
    int fits = Math.max(1, MOST_ELEMENTS / network.imageElements());
    TrainingSpec drawn =
        TrainingSpecBuilder.builder(training)
            .batchSize(Math.min(fits, training.batchSize()))
            .build();
    return new TrainingTask(
        "model", network, spec.diffusion(), drawn, spec.seed(), "", "", distillation);
  }

  private static void first(ExperimentSpec spec, TrainingTask task) {
    TrainingBatch batch = new TrainingBatch(task, new Images(task.network()));
    batch.draw(1);
    Network network = task.network();
    long size = task.training().batchSize();
    int reduction = network.spec().latents().map(NetworkSpec.LatentsSpec::reduction).orElse(1);
    long side = spec.dataset().resolution() / reduction;
    long[] shape = {size, network.imageChannels(), side, side};
    assertThat(batch.xt().shape()).containsExactly(shape);
    assertThat(batch.target().shape()).containsExactly(shape);
    assertThat(batch.timesteps()).hasSize((int) size);
    network
        .context()
        .ifPresent(
            text ->
                assertThat(batch.conditions().get(batch.conditions().size() - 1).shape())
                    .containsExactly(size, text.columns(), text.width()));
  }

  /** The training step as a program. */
  private static String step(
      ExperimentSpec spec, StudentsSpec design, Network student, Network teacher) {
    SeededRandom random = new SeededRandom(spec.seed());
    Map<String, HostTensor> weights = student.initialise(random);
    Settings settings =
        Settings.of(
            design.training(),
            design.loss(),
            NetworkForm.PORTABLE,
            spec.diffusion(),
            spec.diffusion().studentsPredict());
    TrainingModule.State state = TrainingState.initial(weights);
    if (design.loss().feature().wanted()) {
      state =
          TrainingState.withAdaptors(
              state,
              new FeatureLoss(design.loss().feature(), student, teacher),
              student,
              spec.seed());
    }
    return TrainingModule.of(
            student,
            state,
            settings,
            Optional.of(new TeacherNetwork(teacher, teacher.initialise(random))))
        .methods();
  }

  private static long elements(long[] shape) {
    long product = 1;
    for (long side : shape) {
      product *= side;
    }
    return product;
  }

  /** Grey images, or what encoders make of them, as a network wants them. */
  private static final class Images implements ImageSource {

    private final Network network;

    Images(Network network) {
      this.network = network;
    }

    @Override
    public int count() {
      return 256;
    }

    @Override
    public void copy(int index, byte[] chw, int offset) {
      chw[offset] = (byte) index;
    }

    @Override
    public Optional<Latents> latents() {
      return network.spec().latents().map(l -> (index, mirrored, draws, x0, offset) -> {});
    }

    @Override
    public Optional<CaptionTexts> texts() {
      return network.context().map(Texts::new);
    }
  }

  private record Texts(Value text) implements ImageSource.CaptionTexts {

    @Override
    public int tokens() {
      return text.columns();
    }

    @Override
    public int width() {
      return text.width();
    }

    @Override
    public int captions(int index) {
      return 1;
    }

    @Override
    public void read(int index, int caption, float[] context, int offset) {
      context[offset] = 1;
    }

    @Override
    public void readEmpty(float[] context, int offset) {
      context[offset] = 0;
    }
  }
}
