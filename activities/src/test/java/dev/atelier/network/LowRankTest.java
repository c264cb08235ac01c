package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.TrainingModule.State;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.python.Python;
import dev.atelier.python.RequiresPython;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Against eager PyTorch, by {@code low_rank_fixture.py}, and against what diffusers loads. */
class LowRankTest {
  private static final double ADAM_SHARE = 0.1; // of a first gradient in exp_avg: 1 - beta1
  private static final int RANK = 3;

  @TempDir Path directory;

  private static final Network NETWORK = TextNetworks.ofWidth(8);
  private static final LowRank UPDATE = new LowRank(NETWORK, RANK);
  private static final Map<String, HostTensor> BASE = ClosedForm.weights(NETWORK);
  private static final HostTensor X = ClosedForm.tensor(0, 1, 0, 4, 4, 8, 8);
  private static final HostTensor NOISE = ClosedForm.tensor(1, 1, 0, 4, 4, 8, 8);
  private static final HostTensor T = HostTensor.ofLongs(new long[] {3, 250, 777, 999}, 4);
  private static final HostTensor TEXT = ClosedForm.tensor(4000, 1, 0, 4, 7, 12);
  private static final HostTensor HYPER = HostTensor.ofDoubles(new double[] {1e-3, 0.9}, 2);
  private static final HostTensor COUNTERS = HostTensor.ofLongs(new long[] {1, 7}, 2);

  /** The layers that are updated, by name. */
  private static List<String> layers() {
    TreeSet<String> layers = new TreeSet<>();
    UPDATE.pairs().forEach(pair -> layers.add(pair.updated().name().replaceAll("\\.weight$", "")));
    return List.copyOf(layers);
  }

  private static Map<String, HostTensor> update() {
    Map<String, HostTensor> update = new LinkedHashMap<>();
    List<String> layers = layers();
    for (LowRank.Pair pair : UPDATE.pairs()) {
      int i = layers.indexOf(pair.updated().name().replaceAll("\\.weight$", ""));
      long[] a = pair.a().dimensions();
      update.put(
          pair.a().name(), ClosedForm.tensor(6000 + 2 * i, 1 / Math.sqrt((double) a[1]), 0, a));
      update.put(pair.b().name(), ClosedForm.tensor(6001 + 2 * i, 0.3, 0, pair.b().dimensions()));
    }
    return update;
  }

  private TorchModule load(Map<String, HostTensor> update, NetworkForm form) throws Exception {
    Map<String, HostTensor> zeros = new LinkedHashMap<>();
    update.forEach((name, w) -> zeros.put(name, HostTensor.zeros(w.dtype(), w.shape())));
    Path archive = directory.resolve("training.pt");
    TorchScriptArchive.write(
        archive,
        TrainingModule.of(
            NETWORK,
            new State(update, update, zeros, zeros),
            PlainSettings.of(1e30, 1, 0, 1, form),
            Optional.empty(),
            Optional.of(new LowRank.Base(UPDATE, BASE))));
    TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.TRAINING);
    module.run("merge");
    return module;
  }

  private static SafetensorsFile fixture() throws Exception {
    return SafetensorsFile.read(
        Path.of(LowRankTest.class.getResource("/training/low-rank.safetensors").toURI()));
  }

  @ParameterizedTest
  @EnumSource(NetworkForm.class)
  void shouldEqualPyTorchWhenAnUpdateIsTrained(NetworkForm form) throws Exception {
    double[] figures = fixture().tensors().get("figures").toDoubles();
    double[] gradients = fixture().tensors().get("gradients").toDoubles();
    List<String> layers = layers();
    try (TorchModule module = load(update(), form)) {
      double[] found =
          module.run("train_step", X, NOISE, T, TEXT, HYPER, COUNTERS).get(0).toDoubles();
      assertThat(found[0]).isCloseTo(figures[0], within(1e-5 * figures[0]));
      assertThat(found[3]).isCloseTo(figures[1], within(1e-4 * figures[1]));
      List<HostTensor> moments = module.run("exp_avg");
      assertThat(moments).hasSize(2 * layers.size());
      for (int k = 0; k < UPDATE.weights().size(); k++) {
        String name = UPDATE.weights().get(k).name();
        int i = 2 * layers.indexOf(name.replaceAll("\\.lora_[AB]\\.weight$", "")) + k % 2;
        double[] g = moments.get(k).toDoubles();
        double squares = 0;
        double projection = 0;
        for (int j = 0; j < g.length; j++) {
          squares += g[j] / ADAM_SHARE * (g[j] / ADAM_SHARE);
          projection += g[j] / ADAM_SHARE * ClosedForm.value(j, 3000);
        }
        double tolerance = 1e-4 * gradients[2 * i] + 1e-6;
        assertThat(Math.sqrt(squares)).as(name).isCloseTo(gradients[2 * i], within(tolerance));
        assertThat(projection)
            .as(name)
            .isCloseTo(gradients[2 * i + 1], within(tolerance * Math.sqrt(g.length)));
      }
    }
  }

  @Test
  void shouldTrainAndAverageNothingButTheUpdate() throws Exception {
    try (TorchModule module = load(UPDATE.initialise(new SeededRandom(3)), NetworkForm.PORTABLE)) {
      List<HostTensor> merged = module.run("reached");
      for (int i = 0; i < merged.size(); i++) { // B is zero
        assertThat(merged.get(i).data())
            .isEqualTo(BASE.get(NETWORK.weights().get(i).name()).data());
      }
      List<HostTensor> before = module.run("weights");
      module.run("train_step", X, NOISE, T, TEXT, HYPER, COUNTERS);
      List<HostTensor> after = module.run("weights");
      assertThat(after).hasSize(UPDATE.weights().size());
      assertThat(module.run("ema")).hasSize(after.size());
      assertThat(module.run("exp_avg_sq")).hasSize(after.size());
      assertThat(after.get(1).toFloats()).isNotEqualTo(before.get(1).toFloats()); // of B
      Map<String, HostTensor> update = new LinkedHashMap<>();
      for (int i = 0; i < after.size(); i++) {
        update.put(UPDATE.weights().get(i).name(), after.get(i));
      }
      Map<String, HostTensor> expected = UPDATE.merged(BASE, update);
      List<HostTensor> reached = module.run("reached");
      for (int i = 0; i < reached.size(); i++) {
        float[] here = reached.get(i).toFloats();
        float[] there = expected.get(NETWORK.weights().get(i).name()).toFloats();
        for (int j = 0; j < here.length; j++) {
          assertThat(here[j]).isCloseTo(there[j], within(1e-6f));
        }
      }
    }
  }

  private float[] eps(Map<String, HostTensor> weights) throws Exception {
    Path archive = directory.resolve("net.pt");
    TorchScriptArchive.write(archive, NETWORK.inferenceModule("Net", weights));
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE)) {
      return module.forward(X, T, TEXT).toFloats();
    }
  }

  @Test
  void shouldEqualPyTorchWhenItIsMerged() throws Exception {
    float[] expected = fixture().tensors().get("eps").toFloats();
    float[] found = eps(UPDATE.merged(BASE, update()));
    float[] base = eps(BASE);
    double distance = 0;
    for (int i = 0; i < expected.length; i++) {
      assertThat(found[i]).isCloseTo(expected[i], within(1e-5f));
      distance = Math.max(distance, Math.abs(base[i] - expected[i]));
    }
    assertThat(distance).isGreaterThan(0.01); // negative control: without its update
  }

  @Test
  @RequiresPython
  void shouldBeALoraThatDiffusersLoads() throws Exception {
    Map<String, HostTensor> lora = new LinkedHashMap<>();
    UPDATE.asDiffusers(update()).forEach((name, w) -> lora.put("unet." + name, w));
    SafetensorsFile.write(
        directory.resolve("pytorch_lora_weights.safetensors"), lora, Map.of("format", "pt"));
    SafetensorsFile.write(directory.resolve("base.safetensors"), BASE, Map.of("format", "pt"));
    SafetensorsFile.write(
        directory.resolve("merged.safetensors"), UPDATE.merged(BASE, update()), Map.of());
    Python.run(
        directory,
        """
        import os, importlib.util
        os.environ.update(HF_HOME=os.path.abspath('hf'), HF_HUB_OFFLINE='1')
        import torch
        from diffusers import UNet2DConditionModel
        from safetensors.torch import load_file
        def network(file):
            model = UNet2DConditionModel(
                sample_size=8, block_out_channels=(8, 16), layers_per_block=1,
                down_block_types=('CrossAttnDownBlock2D', 'DownBlock2D'), up_block_types=('UpBlock2D', 'CrossAttnUpBlock2D'),
                norm_num_groups=4, attention_head_dim=2, cross_attention_dim=12).eval()
            model.load_state_dict(load_file(file))
            return model
        torch.manual_seed(1)
        question = torch.randn(2, 4, 8, 8), torch.tensor([3, 700]), torch.randn(2, 7, 12)
        with torch.no_grad():
            wanted = network('merged.safetensors')(*question).sample
            lora = network('base.safetensors')
            before = lora(*question).sample
            if importlib.util.find_spec('peft'):
                lora.load_lora_adapter(os.getcwd(), prefix='unet', weight_name='pytorch_lora_weights.safetensors')
            else: # which diffusers asks for its LoRAs: by their definition then
                state = load_file('pytorch_lora_weights.safetensors')
                for name, module in lora.named_modules():
                    a, b = (state.pop(f'unet.{name}.lora_{x}.weight', None) for x in 'AB')
                    if a is not None:
                        module.weight += (b.flatten(1) @ a.flatten(1)).reshape(module.weight.shape)
                assert not state, state.keys()
            found = lora(*question).sample
        assert (found - wanted).abs().max() < 1e-5, (found - wanted).abs().max()
        assert (before - wanted).abs().max() > 0.01
        """);
  }

  @Test
  void shouldRefuseAnUpdateOfAnotherRank() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new LowRank(NETWORK, 2).merged(BASE, update()))
        .withMessageContaining("The low-rank update doesn't fit the network");
  }
}
