package dev.atelier.evaluation;

import dev.atelier.dataset.Datasets;
import dev.atelier.dataset.PackedImages;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpecBuilder;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec.Precision;
import dev.atelier.training.ClassSequence;
import dev.atelier.training.Device;
import dev.atelier.training.ImageSource;
import dev.atelier.training.Models;
import dev.atelier.training.TeacherModel;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.StatisticsRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;

/** Small models, an extractor and a reference, to sample and to judge without a store. */
public final class EvaluationFixture {

  public static final Device CPU = new Device("cpu", 1, OptionalLong.empty());
  public static final DatasetRef DATASET = new DatasetRef("d".repeat(64), 100, 8, 3, 0, 0);
  public static final NetworkSpec NETWORK =
      new NetworkSpec(8, List.of(1, 2), 1, List.of(), 1, 0.0, Optional.empty());
  public static final ExtractorRef EXTRACTOR =
      new ExtractorRef("network.pt", "network.pt", "e".repeat(64));
  public static final StatisticsRef REFERENCE =
      new StatisticsRef("statistics", "f".repeat(64), 100);

  private EvaluationFixture() {}

  /** 90 samples of three steps. */
  public static EvaluationSpec evaluation(int samplesPerShard) {
    return EvaluationSpecBuilder.builder()
        .samples(90)
        .batchSize(8)
        .seed(3L)
        .sampler(new SamplerSpec(null, 3, SamplerSpec.Spacing.UNIFORM, null))
        .gridRows(2)
        .gridColumns(2)
        .samplesPerShard(Optional.of(samplesPerShard))
        .build();
  }

  public static ModelRef model(ModelKey key, int low, int high) {
    return new ModelRef(
        key, Optional.of(NETWORK), new TimestepRange(low, high), key.value(), "0".repeat(64), 1);
  }

  /** An extractor of six features and three logits, and a reference of noise, by their keys. */
  public static void write(Path directory) throws IOException {
    Path extractor = directory.resolve(EXTRACTOR.objectKey());
    TorchScriptArchive.write(
        extractor,
        new TorchScriptModule(
            "Network",
            """
            def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
              mean = torch.mean(x, [2, 3])
              features = torch.cat([mean, torch.std(x, [2, 3], False)], 1)
              return (features, torch.div(mean, 20.))
            """,
            Map.of()));
    byte[] images = new byte[100 * 3 * 8 * 8];
    new Random(1).nextBytes(images);
    try (FeatureExtractor network =
            FeatureExtractor.open(
                extractor, EXTRACTOR.name(), EXTRACTOR.sha256(), Optional.empty(), 8, "cpu");
        LinearAlgebra algebra = new LinearAlgebra()) {
      FeaturePass pass = FeaturePass.ofReference(100, network, algebra);
      pass.add(images, 100, 3, 8);
      Reference.of(pass.result()).write(directory.resolve(REFERENCE.objectKey()));
    }
  }

  /** Models whose weights are a function of their names. */
  public static final class SeededModels implements Models {
    @Override
    public long parameters(ModelRef model, DatasetRef dataset) {
      return Models.network(model, dataset).orElseThrow().parameters();
    }

    @Override
    public Map<String, HostTensor> weights(ModelRef model, Network network) {
      return network.initialise(new SeededRandom(model.key().value().hashCode()));
    }

    @Override
    public TeacherModel teacher(ModelRef model, DatasetRef dataset) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Path archive(ModelRef model, DatasetRef dataset, Path directory, NetworkForm form)
        throws IOException {
      Network network = Models.network(model, dataset).orElseThrow();
      Path file = directory.resolve(model.key() + ".pt");
      TorchScriptArchive.write(
          file, network.inferenceModule("UNet", weights(model, network), form, Precision.FP32));
      return file;
    }
  }

  /** Images that are never opened. */
  public static final class NoClasses implements Datasets {
    @Override
    public PackedImages open(DatasetRef dataset) {
      throw new UnsupportedOperationException();
    }

    @Override
    public ImageSource seen(DatasetRef dataset) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Optional<Path> parts(DatasetRef dataset, Path work) {
      return Optional.empty();
    }

    @Override
    public ClassSequence sampleClasses(DatasetRef dataset, EvaluationSpec.Classes wanted) {
      return ClassSequence.NONE;
    }
  }
}
