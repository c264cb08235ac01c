package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.graph.GraphBuilder;
import dev.atelier.graph.Operation;
import dev.atelier.graph.Operation.CrossAttention.Projections;
import dev.atelier.graph.Value;
import dev.atelier.graph.Weight;
import dev.atelier.network.TrainingModule.State;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each operation, between two convolutions, in both of its forms. */
class OperationFormsTest {
  private static final int SIDE = 8;
  private static final int BATCH = 3;
  private static final int CLASSES = 4;

  @TempDir Path directory;

  /** What stands between the first and the last convolution. */
  private record Case(String name, int classes, BiFunction<GraphBuilder, Value, Value> middle) {
    Network network() {
      GraphBuilder builder = new GraphBuilder(SIDE, 3, classes);
      Value h = builder.convolution(builder.image(), "first", 8, 3, false);
      h = middle.apply(builder, h);
      builder.convolution(h, "last", 3, 3, false);
      return new Network(NetworkSpec.ofWidth(8), builder.build());
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private static Case of(String name, BiFunction<GraphBuilder, Value, Value> middle) {
    return new Case(name, 0, middle);
  }

  static Stream<Case> cases() {
    return Stream.of(
        of("convolution", (b, h) -> b.convolution(h, "c", 12, 3, false)),
        of("pointwise convolution", (b, h) -> b.convolution(h, "c", 12, 1, true)),
        of("group norm", (b, h) -> b.groupNorm(h, "norm", 2, 1e-6, false)),
        of("group norm and SiLU", (b, h) -> b.groupNorm(h, "norm", 4, 1e-3, true)),
        of("embedding", (b, h) -> b.addEmbedding(h, b.linear(b.sinusoid(16, false, 1), "e", 8))),
        of("cosines first", (b, h) -> b.addEmbedding(h, b.linear(b.sinusoid(16, true, 0), "e", 8))),
        of("SiLU", (b, h) -> b.addEmbedding(h, b.linear(b.silu(b.sinusoid(16, false, 1)), "e", 8))),
        new Case(
            "class",
            CLASSES,
            (b, h) ->
                b.addEmbedding(
                    h, b.addClass(b.linear(b.sinusoid(16, false, 1), "e", 8), "classes"))),
        of("residual", (b, h) -> b.addResidual(b.convolution(h, "c", 8, 3, false), h)),
        of("concatenation", (b, h) -> b.concatenate(b.convolution(h, "c", 4, 3, false), h)),
        of(
            "halving and doubling",
            (b, h) -> b.upsample(b.halve(b.padRightBottom(h), "c", h.side(), 0))),
        of("padded halving and doubling", (b, h) -> b.upsample(b.halve(h, "c", h.side(), 1))),
        of("attention", (b, h) -> b.attention(h, "attention", 2)),
        of("linear", (b, h) -> like(b, h, out -> new Operation.Linear(out, h, "linear"))),
        of("linear without bias", (b, h) -> b.linear(h, "linear", 8, false)),
        of("layer norm", (b, h) -> b.layerNorm(h, "norm", 1e-5)),
        of("attention of transformers", (b, h) -> attention(b, h, Projections.DIFFUSERS, false)),
        of("causal attention", (b, h) -> attention(b, h, Projections.CLIP, true)),
        of("gated GELU", (b, h) -> b.append(4, h.side(), out -> new Operation.GatedGelu(out, h))),
        of("dropout", (b, h) -> b.dropout(h, 1e-12))); // so rare that both forms keep all
  }

  /** Operations that have no gradient by hand. */
  static Stream<Case> portableCases() {
    return Stream.of(
        of(
            "pointwise convolution that halves",
            (b, h) ->
                b.upsample(
                    b.append(
                        h.width(),
                        h.side() / 2,
                        out -> new Operation.Convolution(out, h, "half", 1, 2, 0, false)))),
        of("positions", (b, h) -> like(b, h, out -> new Operation.AddPositions(out, h))),
        of("GELU", (b, h) -> like(b, h, out -> new Operation.Gelu(out, h))),
        of(
            "adaptive norm",
            (b, h) -> {
              Value e = b.linear(b.sinusoid(16, true, 1), "e", 24);
              return like(b, h, out -> new Operation.AdaptiveNorm(out, h, e, 1, 1e-6));
            }),
        of(
            "gate",
            (b, h) -> {
              Value e = b.linear(b.sinusoid(16, true, 1), "e", 24);
              return like(b, h, out -> new Operation.AddGated(out, h, h, e, 2));
            }),
        of("GELU as it is", (b, h) -> b.gelu(h, Operation.Gelu.Form.EXACT)),
        of("quick GELU", (b, h) -> b.gelu(h, Operation.Gelu.Form.SIGMOID)),
        of(
            "convolution without bias",
            (b, h) ->
                b.like(h, out -> new Operation.Convolution(out, h, "c", 3, 1, 1, false, false))),
        of(
            "first channels",
            (b, h) -> b.append(4, h.side(), out -> new Operation.FirstChannels(out, h))),
        of("scale", (b, h) -> b.like(h, out -> new Operation.Scale(out, h, 0.7))),
        of(
            "pool",
            (b, h) ->
                b.upsample(
                    b.append(h.width(), h.side() / 2, out -> new Operation.AveragePool(out, h)))),
        of(
            "filters",
            (b, h) -> {
              Value half = b.append(h.width(), h.side() / 2, out -> new Operation.FirDown(out, h));
              return b.append(h.width(), h.side(), out -> new Operation.FirUp(out, half));
            }),
        of(
            "tokens",
            (b, h) -> {
              Value tokens =
                  b.append(
                      h.width(),
                      1,
                      SIDE * SIDE + 1,
                      out -> new Operation.PrependToken(out, h, "token"));
              Value placed =
                  b.like(tokens, out -> new Operation.AddPositionTable(out, tokens, "places"));
              Value attended = attention(b, placed, Projections.CLIP, false);
              return b.addEmbedding(
                  h, b.append(h.width(), 0, out -> new Operation.FirstToken(out, attended)));
            }),
        of(
            "patches",
            (b, h) ->
                b.halve(
                    b.append(2, 2 * h.side(), out -> new Operation.Unpatch(out, h, 2)),
                    "c",
                    2 * h.side(),
                    1)));
  }

  private static Value attention(
      GraphBuilder builder, Value in, Projections projections, boolean causal) {
    return builder.like(
        in, out -> new Operation.CrossAttention(out, in, in, "attention", projections, 2, causal));
  }

  private static Value like(GraphBuilder builder, Value in, Function<Value, Operation> operation) {
    return builder.append(in.width(), in.side(), operation);
  }

  @Test
  void shouldHaveACaseOfEveryOperation() {
    assertThat(
            Stream.concat(cases(), portableCases())
                .flatMap(c -> c.network().graph().operations().stream())
                .<Class<?>>map(Object::getClass)
                .distinct())
        .containsExactlyInAnyOrderElementsOf(
            Stream.of(Operation.class.getPermittedSubclasses())
                .filter(o -> o != Operation.TokenEmbedding.class) // of ids, where images are none
                .toList());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void shouldGiveTheSameInBothForms(Case tested) throws Exception {
    Network network = tested.network();
    assertThat(network.form(NetworkForm.CPU)).isEqualTo(NetworkForm.CPU);
    assertAllClose(eps(network, NetworkForm.CPU), eps(network, NetworkForm.PORTABLE), 1e-5);
    List<HostTensor> byHand = gradients(network, NetworkForm.CPU);
    List<HostTensor> byAutograd = gradients(network, NetworkForm.PORTABLE);
    for (int i = 0; i < byHand.size(); i++) {
      Weight weight = network.weights().get(i);
      double[] expected = byAutograd.get(i).toDoubles();
      double norm = Math.sqrt(Arrays.stream(expected).map(v -> v * v).sum());
      assertThat(norm).as(weight.name()).isFinite();
      assertAllClose(byHand.get(i), byAutograd.get(i), 1e-4 * norm + 1e-7);
    }
  }

  @ParameterizedTest
  @MethodSource("portableCases")
  void shouldRunOnTheCpuBeforeAGradientIsWrittenByHand(Case tested) throws Exception {
    Network network = tested.network();
    assertThat(network.form(NetworkForm.CPU)).isEqualTo(NetworkForm.PORTABLE);
    assertAllClose(eps(network, NetworkForm.CPU), eps(network, NetworkForm.PORTABLE), 0);
    List<HostTensor> gradients = gradients(network, NetworkForm.CPU);
    assertThat(gradients).hasSameSizeAs(network.weights());
    assertThat(Arrays.stream(gradients.get(0).toDoubles()).anyMatch(g -> g != 0)).isTrue();
  }

  private HostTensor eps(Network network, NetworkForm form) throws Exception {
    Path archive = directory.resolve("inference.pt");
    Map<String, HostTensor> weights = ClosedForm.weights(network);
    TorchScriptArchive.write(
        archive, network.inferenceModule("UNet", weights, form, Precision.FP32));
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE)) {
      return module.forward(inputs(network, 1000).toArray(HostTensor[]::new));
    }
  }

  private List<HostTensor> gradients(Network network, NetworkForm form) throws Exception {
    Path archive = directory.resolve("training.pt");
    Map<String, HostTensor> weights = ClosedForm.weights(network);
    TorchScriptArchive.write(
        archive,
        TrainingModule.of(
            network,
            new State(weights, weights, weights, weights),
            PlainSettings.of(1, 1, 1, 1, form)));
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.TRAINING)) {
      return module.run("gradients", inputs(network, 1000, 2000).toArray(HostTensor[]::new));
    }
  }

  /** Images of each closed form, then t and perhaps y. */
  private static List<HostTensor> inputs(Network network, int... images) {
    List<HostTensor> inputs = new ArrayList<>();
    for (int k : images) {
      inputs.add(ClosedForm.tensor(k, 1, 0, BATCH, 3, SIDE, SIDE));
    }
    inputs.add(HostTensor.ofLongs(new long[] {3, 620, 998}, BATCH));
    if (network.conditional()) {
      inputs.add(HostTensor.ofLongs(new long[] {3, 0, 3}, BATCH));
    }
    return inputs;
  }

  private static void assertAllClose(HostTensor found, HostTensor expected, double tolerance) {
    double[] values = found.toDoubles();
    double[] others = expected.toDoubles();
    assertThat(values).hasSameSizeAs(others);
    for (int i = 0; i < values.length; i++) {
      assertThat(values[i]).isCloseTo(others[i], within(tolerance));
    }
  }
}
