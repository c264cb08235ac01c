package dev.atelier.network;

import static dev.atelier.network.PortableText.bias;
import static dev.atelier.network.PortableText.format;
import static dev.atelier.network.PortableText.weight;

import dev.atelier.graph.Graph;
import dev.atelier.graph.Operation;
import dev.atelier.graph.Value;
import dev.atelier.graph.Weight;
import dev.atelier.network.torchscript.ScalarType;
import dev.atelier.network.torchscript.TorchScriptModule.MemoryFormat;
import dev.atelier.spec.TrainingSpec.Precision;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Writes a network's forward and backward passes in TorchScript for the CPU, where most of the time
 * goes into convolutions, and those are fastest when the channels of a pixel lie side by side.
 *
 * <p>What is not a convolution is written so that it keeps that order and walks through memory few
 * times: libtorch's own group norm doesn't (backward, it takes seven times as long as in the other
 * order), so it is written as sums, one {@code addcmul} each way, and small tensors. Linear layers
 * over pixels are 1×1 convolutions. The backward pass is written out, operation by operation in
 * reverse; there is no autograd tape but that of the attention's softmax, and one for each
 * operation of the blocks that read texts, which are written as in the portable form.
 */
final class ChannelsLastText implements Operation.Visitor<Optional<ChannelsLastText.Passes>> {

  /**
   * How an operation is written here; an operation without it has only a portable form.
   *
   * @param forward appends the lines that make its value
   * @param backward appends those that take the gradient of its value, by that one's expression, to
   *     what it read and learned
   */
  record Passes(Runnable forward, Consumer<String> backward) {}

  private final Graph graph;
  private final boolean training;
  private final Precision precision;
  private final boolean bf16;
  private final StringBuilder text = new StringBuilder();

  private final Map<Value, String> gradients = new HashMap<>(); // so far
  private final Map<String, String> weightGradients = new HashMap<>(); // of a tensor of the network
  private final Set<String> channelsLastWeights = new HashSet<>();
  private int variables;

  private ChannelsLastText(Graph graph, boolean training, Precision precision) {
    this.graph = graph;
    this.training = training;
    this.precision = precision;
    this.bf16 = precision == Precision.BF16;
  }

  /** Whether all of its operations have this form. */
  static boolean supports(Graph graph) {
    ChannelsLastText writer = new ChannelsLastText(graph, false, Precision.FP32);
    return graph.operations().stream().allMatch(o -> o.accept(writer).isPresent());
  }

  /** Lines that read {@code x}, {@code t} and perhaps {@code y}, and make every value. */
  static String forward(Graph graph, Precision precision) {
    ChannelsLastText writer = new ChannelsLastText(graph, false, precision);
    writer.forward();
    return writer.text.toString();
  }

  /**
   * Lines that read as {@link #forward} does, make {@code eps}, go through {@code loss}, which
   * makes {@code g_eps}, the gradient of the loss with respect to eps, and end with {@code
   * gradients}: one tensor for each weight of the graph, in order. Gradients must be switched off
   * around them.
   *
   * @param features values that {@code loss} reads itself: it makes {@code g_feature_<i>}, its
   *     gradient with respect to the i-th of them but for what goes through eps
   */
  static String gradients(Graph graph, Precision precision, String loss, List<Value> features) {
    ChannelsLastText writer = new ChannelsLastText(graph, true, precision);
    List<Weight> weights = graph.weights();
    weights.stream()
        .filter(w -> WeightTensors.format(w, NetworkForm.CPU) == MemoryFormat.CHANNELS_LAST)
        .forEach(w -> writer.channelsLastWeights.add(w.name()));
    writer.forward();
    writer.line("eps = %s", graph.eps().name());
    writer.text.append(loss);
    writer.gradients.put(graph.eps(), "g_eps");
    for (int i = 0; i < features.size(); i++) {
      if (features.get(i).equals(graph.eps())) {
        writer.line("g_eps = torch.add(g_eps, g_feature_%d)", i);
      } else {
        writer.gradients.put(features.get(i), "g_feature_" + i);
      }
    }
    for (int i = graph.operations().size() - 1; i >= 0; i--) {
      Operation operation = graph.operations().get(i);
      String gradient = writer.gradients.remove(operation.out());
      writer.passes(operation).backward().accept(gradient);
    }
    writer.text.append("gradients = [");
    for (Weight weight : weights) {
      writer.text.append(writer.weightGradients.get(weight.name())).append(", ");
    }
    writer.text.setLength(writer.text.length() - 2);
    return writer.text.append("]\n").toString();
  }

  private void line(String format, Object... arguments) {
    text.append(format(format, arguments));
  }

  private void forward() {
    line("x = %s", MemoryFormat.CHANNELS_LAST.of("x"));
    graph.operations().forEach(o -> passes(o).forward().run());
  }

  /** The operation as in the portable form, its gradients by a tape of its own. */
  private Optional<Passes> taped(Operation o) {
    return passes(() -> tapedForward(o), g -> tapedBackward(o, g));
  }

  private void tapedForward(Operation o) {
    String v = name(o);
    if (training) {
      for (Value read : learnedReads(o)) {
        line("%s = %s", read.name(), Recomputation.leaf(read));
        line("%s_%s = %s", v, read.name(), read.name());
      }
      line("torch.set_grad_enabled(True)");
    }
    text.append(PortableText.forward(List.of(o), false, precision));
    line("%s = %s", v, float32(v));
    if (training) {
      line("torch.set_grad_enabled(False)");
      line("%s_tape = %s", v, v);
      line("%1$s = torch.detach(%1$s)", v);
    }
  }

  private void tapedBackward(Operation o, String g) {
    String v = name(o);
    List<Value> reads = learnedReads(o);
    List<String> leaves = new ArrayList<>();
    reads.forEach(read -> leaves.add(v + "_" + read.name()));
    o.weights().forEach(w -> leaves.add("self." + WeightTensors.attribute(w)));
    String found = "g" + variables++;
    line("%s = annotate(List[Tensor], [])", found);
    line(
        "for g in torch.grad([%s_tape], [%s], annotate(List[Optional[Tensor]], [%s])):",
        v, String.join(", ", leaves), g);
    line("  if g is not None:");
    line("    torch.append(%s, g)", found);
    for (int i = 0; i < reads.size(); i++) {
      give(reads.get(i), "%s[%d]".formatted(found, i), true);
    }
    for (int i = 0; i < o.weights().size(); i++) {
      weightGradient(o.weights().get(i).name(), "%s[%d]".formatted(found, reads.size() + i));
    }
  }

  private List<Value> learnedReads(Operation o) {
    return o.reads().stream().distinct().filter(read -> !graph.isArgument(read)).toList();
  }

  private Passes passes(Operation operation) {
    return operation
        .accept(this)
        .orElseThrow(
            () -> new IllegalArgumentException(operation + " has no form with channels last."));
  }

  @Override
  public Optional<Passes> sinusoid(Operation.Sinusoid o) {
    return passes(() -> text.append(PortableText.sinusoidLines(o)), g -> {});
  }

  @Override
  public Optional<Passes> addClass(Operation.AddClass o) {
    return passes(
        () -> text.append(PortableText.addClassLine(o)),
        g -> {
          // One sum per row of the table, in the order of the batch: the same bits each time.
          weightGradient(
              o.layer() + ".weight",
              "torch.embedding_dense_backward(%s, y, torch.size(%s, 0), -1, False)"
                  .formatted(g, weight(o.layer())));
          give(o.in(), g, false);
        });
  }

  @Override
  public Optional<Passes> linear(Operation.Linear o) {
    if (o.ofPixels() || !o.biased()) {
      return taped(o);
    }
    String in = o.in().name();
    return passes(
        () ->
            line("%s = torch.linear(%s, %s, %s)", name(o), in, weight(o.layer()), bias(o.layer())),
        g -> {
          weightGradient(o.layer() + ".weight", "torch.mm(torch.t(%s), %s)".formatted(g, in));
          weightGradient(o.layer() + ".bias", "torch.sum(%s, [0])".formatted(g));
          give(o.in(), "torch.mm(%s, %s)".formatted(g, weight(o.layer())), true);
        });
  }

  @Override
  public Optional<Passes> silu(Operation.Silu o) {
    String in = o.in().name();
    return passes(
        () -> line("%s = torch.silu(%s)", name(o), in),
        g -> give(o.in(), "torch.silu_backward(%s, %s)".formatted(g, in), true));
  }

  // A pointwise one reads the pixels as rows, where they lie.
  @Override
  public Optional<Passes> convolution(Operation.Convolution o) {
    boolean pointwiseThatSkips = o.pointwise() && (o.stride() != 1 || o.padding() != 0);
    return pointwiseThatSkips || !o.biased()
        ? Optional.empty()
        : passes(() -> convolutionForward(o), g -> convolutionBackward(o, g));
  }

  @Override
  public Optional<Passes> groupNorm(Operation.GroupNorm o) {
    return passes(() -> groupNormForward(o), g -> groupNormBackward(o, g));
  }

  @Override
  public Optional<Passes> addEmbedding(Operation.AddEmbedding o) {
    return passes(
        () ->
            line(
                "%s = torch.add_(%s, torch.unsqueeze(torch.unsqueeze(%s, 2), 3))",
                name(o), o.in().name(), o.embedding().name()),
        g -> {
          give(o.embedding(), "torch.sum(%s, [2, 3])".formatted(g), true);
          give(o.in(), g, false);
        });
  }

  @Override
  public Optional<Passes> addResidual(Operation.AddResidual o) {
    return passes(
        () -> line("%s = torch.add_(%s, %s)", name(o), o.branch().name(), o.residual().name()),
        g -> {
          give(o.branch(), g, false);
          give(o.residual(), g, false);
        });
  }

  @Override
  public Optional<Passes> concatenate(Operation.Concatenate o) {
    int width = o.first().width();
    return passes(
        () -> line("%s = torch.cat([%s, %s], 1)", name(o), o.first().name(), o.second().name()),
        g -> {
          give(o.first(), "torch.narrow(%s, 1, 0, %d)".formatted(g, width), false);
          give(
              o.second(),
              "torch.narrow(%s, 1, %d, %d)".formatted(g, width, o.second().width()),
              false);
        });
  }

  @Override
  public Optional<Passes> padRightBottom(Operation.PadRightBottom o) {
    return passes(
        () -> line("%s = torch.constant_pad_nd(%s, [0, 1, 0, 1], 0.)", name(o), o.in().name()),
        g ->
            give(
                o.in(),
                "torch.narrow(torch.narrow(%1$s, 2, 0, %2$d), 3, 0, %2$d)"
                    .formatted(g, o.in().side()),
                false));
  }

  @Override
  public Optional<Passes> upsample(Operation.Upsample o) {
    return passes(
        () -> line("%s = torch.upsample_nearest2d(%s, None, [2., 2.])", name(o), o.in().name()),
        g -> // the sum over 2×2 pixels
        give(
                o.in(),
                "torch.avg_pool2d(%s, [2, 2], [2, 2], [0, 0], False, True, 1)".formatted(g),
                true));
  }

  @Override
  public Optional<Passes> attention(Operation.Attention o) {
    return passes(() -> attentionForward(o), g -> attentionBackward(o, g));
  }

  @Override
  public Optional<Passes> dropout(Operation.Dropout o) {
    String in = o.in().name();
    return passes(
        () -> {
          if (training) {
            line(
                "%1$s, %1$s_kept, = torch.native_dropout(%2$s, %3$s, True)",
                name(o), in, o.probability());
          } else {
            line("%s = %s", name(o), in);
          }
        },
        g ->
            give(
                o.in(),
                "torch.native_dropout_backward(%s, %s_kept, %s)"
                    .formatted(g, name(o), 1 / (1 - o.probability())),
                true));
  }

  @Override
  public Optional<Passes> addPositions(Operation.AddPositions o) {
    return Optional.empty();
  }

  @Override
  public Optional<Passes> adaptiveNorm(Operation.AdaptiveNorm o) {
    return Optional.empty();
  }

  @Override
  public Optional<Passes> gelu(Operation.Gelu o) {
    return Optional.empty();
  }

  @Override
  public Optional<Passes> addGated(Operation.AddGated o) {
    return Optional.empty();
  }

  @Override
  public Optional<Passes> unpatch(Operation.Unpatch o) {
    return Optional.empty();
  }

  @Override
  public Optional<Passes> firstChannels(Operation.FirstChannels o) {
    return Optional.empty();
  }

  @Override
  public Optional<Passes> scale(Operation.Scale o) {
    return Optional.empty();
  }

  @Override
  public Optional<Passes> layerNorm(Operation.LayerNorm o) {
    return taped(o);
  }

  @Override
  public Optional<Passes> crossAttention(Operation.CrossAttention o) {
    return taped(o);
  }

  @Override
  public Optional<Passes> gatedGelu(Operation.GatedGelu o) {
    return taped(o);
  }

  @Override
  public Optional<Passes> averagePool(Operation.AveragePool o) {
    return Optional.empty();
  }

  @Override
  public Optional<Passes> firDown(Operation.FirDown o) {
    return Optional.empty();
  }

  @Override
  public Optional<Passes> firUp(Operation.FirUp o) {
    return Optional.empty();
  }

  @Override
  public Optional<Passes> tokenEmbedding(Operation.TokenEmbedding o) {
    return Optional.empty();
  }

  @Override
  public Optional<Passes> addPositionTable(Operation.AddPositionTable o) {
    return Optional.empty();
  }

  @Override
  public Optional<Passes> prependToken(Operation.PrependToken o) {
    return Optional.empty();
  }

  @Override
  public Optional<Passes> firstToken(Operation.FirstToken o) {
    return Optional.empty();
  }

  private static Optional<Passes> passes(Runnable forward, Consumer<String> backward) {
    return Optional.of(new Passes(forward, backward));
  }

  private static String name(Operation operation) {
    return operation.out().name();
  }

  // In bfloat16 only what goes into a convolution or attention is rounded: the rest of the network
  // reads and writes float32.
  private void convolutionForward(Operation.Convolution o) {
    boolean pointwise = o.pointwise();
    int side = o.out().side();
    String in = o.in().name();
    String v = name(o);
    line("%s_in = %s", v, rounded(pointwise ? rows(in, side, o.in().width()) : in));
    line("%s_w = %s", v, rounded(weight(o.layer())));
    line(
        "%1$s = torch.conv2d(%1$s_in, %1$s_w, %2$s, [%3$d, %3$d], [%4$d, %4$d], [1, 1], 1)",
        v, rounded(bias(o.layer())), o.stride(), o.padding());
    if (pointwise) {
      line("%s = %s", v, images(v, side, o.out().width()));
    }
    line("%s = %s", v, float32(v));
  }

  private String rounded(String tensor) {
    return bf16 ? ScalarType.BFLOAT16.of(tensor) : tensor;
  }

  private String float32(String tensor) {
    return bf16 ? ScalarType.FLOAT.of(tensor) : tensor;
  }

  /**
   * [N, C, H, W] as [N * H, C, 1, W], which moves nothing: libtorch gives 1×1 convolutions of few
   * images to a slower kernel that doesn't know channels-last.
   */
  private static String rows(String value, int side, int width) {
    return "torch.permute(torch.reshape(torch.permute(%s, [0, 2, 3, 1]), [-1, 1, %d, %d]), [0, 3, 1, 2])"
        .formatted(value, side, width);
  }

  /** [N * H, C, 1, W] as [N, C, H, W]. */
  private static String images(String rows, int side, int width) {
    return "torch.permute(torch.reshape(torch.permute(%1$s, [0, 2, 3, 1]), [-1, %2$d, %2$d, %3$d]), [0, 3, 1, 2])"
        .formatted(rows, side, width);
  }

  // y = a x + b with a, b [N, C, 1, 1] from the sums of x and x² over each group.
  private void groupNormForward(Operation.GroupNorm o) {
    String in = o.in().name();
    int width = o.in().width();
    int perGroup = width / o.groups();
    long elements = o.in().elements() / o.groups();
    String v = name(o);
    line("%1$s = torch.mul(%2$s, %2$s)", v, in); // its memory becomes the result's
    line(
        "%s_sum = torch.reshape(torch.sum(%s, [2, 3]), [-1, %d, %d])", v, in, o.groups(), perGroup);
    line(
        "%1$s_squares = torch.reshape(torch.sum(%1$s, [2, 3]), [-1, %2$d, %3$d])",
        v, o.groups(), perGroup);
    line("%1$s_mean = torch.div(torch.sum(%1$s_sum, [2], True), %2$d.)", v, elements);
    line("%1$s_var = torch.div(torch.sum(%1$s_squares, [2], True), %2$d.)", v, elements);
    line("%1$s_var = torch.relu(torch.sub(%1$s_var, torch.mul(%1$s_mean, %1$s_mean)))", v);
    line("%1$s_rstd = torch.rsqrt(torch.add(%1$s_var, %2$s))", v, o.eps());
    line(
        "%1$s_gamma = torch.mul(%1$s_rstd, torch.reshape(%2$s, [%3$d, %4$d]))", // [N, G, C/G]
        v, weight(o.layer()), o.groups(), perGroup);
    line("%1$s_a = torch.reshape(%1$s_gamma, [-1, %2$d, 1, 1])", v, width);
    line(
        "%1$s_b = torch.sub(torch.reshape(%2$s, [%3$d, %4$d]), torch.mul(%1$s_mean, %1$s_gamma))",
        v, bias(o.layer()), o.groups(), perGroup);
    line("%1$s_b = torch.reshape(%1$s_b, [-1, %2$d, 1, 1])", v, width);
    line("%1$s = torch.addcmul(%1$s_b, %2$s, %1$s_a, out=%1$s)", v, in);
    if (o.silu()) {
      line("%1$s = torch.silu_(%1$s)", v);
    }
  }

  // One 1×1 convolution makes q, k and v.
  private void attentionForward(Operation.Attention o) {
    int width = o.in().width();
    int side = o.in().side();
    String v = name(o);
    String out = o.layer() + ".to_out.0";
    line("%s_qkv_in = %s", v, rounded(rows(o.in().name(), side, width)));
    line(
        "%s_qkv_w = torch.cat([%s, %s, %s], 0)",
        v, weight(layer(o, 0)), weight(layer(o, 1)), weight(layer(o, 2)));
    line(
        "%1$s_qkv_w = %2$s",
        v, rounded("torch.reshape(%s_qkv_w, [%d, %d, 1, 1])".formatted(v, 3 * width, width)));
    line(
        "%s_qkv_b = torch.cat([%s, %s, %s], 0)",
        v, bias(layer(o, 0)), bias(layer(o, 1)), bias(layer(o, 2)));
    line(
        "%1$s_qkv = torch.conv2d(%1$s_qkv_in, %1$s_qkv_w, %2$s, [1, 1], [0, 0], [1, 1], 1)",
        v, rounded(v + "_qkv_b"));
    line(
        "%1$s_qkv = torch.reshape(torch.permute(%1$s_qkv, [0, 2, 3, 1]), [-1, %2$d, 3, %3$d, %4$d])",
        v, side * side, o.heads(), width / o.heads());
    for (int i = 0; i < 3; i++) {
      String part =
          "torch.transpose(torch.select(%s_qkv, 2, %d), 1, 2)"
              .formatted(v, i); // [N, heads, H*W, C/heads]
      line(
          "%s_%s = %s",
          v,
          "qkv".charAt(i),
          training ? "torch.requires_grad_(torch.detach(%s), True)".formatted(part) : part);
    }
    if (training) {
      line("torch.set_grad_enabled(True)");
    }
    line(
        "%1$s_mix = torch.scaled_dot_product_attention(%1$s_q, %1$s_k, %1$s_v, None, 0., False)",
        v);
    if (training) {
      line("torch.set_grad_enabled(False)");
    }
    line(
        "%1$s_in = torch.reshape(torch.transpose(torch.detach(%1$s_mix), 1, 2), [-1, 1, %2$d, %3$d])",
        v, side, width);
    line("%1$s_in = torch.permute(%1$s_in, [0, 3, 1, 2])", v);
    line(
        "%s_w = %s",
        v, rounded("torch.reshape(%s, [%2$d, %2$d, 1, 1])".formatted(weight(out), width)));
    line(
        "%1$s = torch.conv2d(%1$s_in, %1$s_w, %2$s, [1, 1], [0, 0], [1, 1], 1)",
        v, rounded(bias(out)));
    line("%s = %s", v, float32(images(v, side, width)));
  }

  private static String layer(Operation.Attention o, int index) {
    return o.layer() + ".to_" + "qkv".charAt(index);
  }

  /** Adds to the gradient of {@code value}; {@code owned}: nobody else reads the new tensor. */
  private void give(Value value, String gradient, boolean owned) {
    if (value.equals(graph.image())) {
      return;
    }
    String known = gradients.get(value);
    if (known == null && !owned) {
      gradients.put(value, gradient); // read where it is used, nothing to compute
      return;
    }
    String variable = "g" + variables++;
    if (known == null) {
      line("%s = %s", variable, gradient);
    } else if (owned) {
      line("%s = torch.add_(%s, %s)", variable, gradient, known);
    } else {
      line("%s = torch.add(%s, %s)", variable, known, gradient);
    }
    gradients.put(value, variable);
  }

  private void convolutionBackward(Operation.Convolution o, String g) {
    boolean pointwise = o.pointwise();
    int side = o.out().side();
    int width = o.out().width();
    String gi = "g" + variables++;
    convolutionBackward(
        gi,
        pointwise ? rows(g, side, width) : g,
        name(o),
        width,
        o.stride(),
        o.padding(),
        !o.in().equals(graph.image()));
    weightGradient(o.layer() + ".weight", float32(gi + "_w"));
    weightGradient(o.layer() + ".bias", float32(gi + "_b"));
    give(o.in(), pointwise ? images(gi, side, o.in().width()) : gi, false);
  }

  /** Makes {@code gi}, {@code gi_w} and {@code gi_b} of a convolution of v_in and v_w. */
  private void convolutionBackward(
      String gi, String g, String v, int width, int stride, int padding, boolean input) {
    line(
        "%1$s, %1$s_w, %1$s_b, = torch.convolution_backward(%2$s, %3$s_in, %3$s_w, [%4$d], [%5$d, %5$d], [%6$d, %6$d], [1, 1], False, [0, 0], 1, [%7$s, True, True])",
        gi, rounded(g), v, width, stride, padding, input ? "True" : "False");
    if (input) {
      line("%s = %s", gi, float32(gi));
    }
  }

  // With y = a x + b: dL/dx = a dL/dy + c2 x + c3, c2 and c3 [N, C, 1, 1] from the sums of dL/dy
  // and
  // x dL/dy over each group.
  private void groupNormBackward(Operation.GroupNorm o, String g) {
    String in = o.in().name();
    int width = o.in().width();
    int perGroup = width / o.groups();
    double elements = (double) o.in().elements() / o.groups();
    String v = name(o);
    String gy = "g" + variables++;
    if (o.silu()) {
      line("%1$s = torch.addcmul(%2$s_b, %3$s, %2$s_a)", gy, v, in);
      line("%1$s = torch.silu_backward(%2$s, %1$s, grad_input=%1$s)", gy, g);
    } else {
      line("%s = %s", gy, g);
    }
    line(
        "%1$s_s = torch.reshape(torch.sum(%1$s, [2, 3]), [-1, %2$d, %3$d])",
        gy, o.groups(), perGroup);
    line("%1$s_in = torch.mul(%1$s, %2$s)", gy, in); // its memory becomes the result's
    line(
        "%1$s_x = torch.reshape(torch.sum(%1$s_in, [2, 3]), [-1, %2$d, %3$d])",
        gy, o.groups(), perGroup);
    weightGradient(
        o.layer() + ".weight",
        "torch.reshape(torch.sum(torch.mul(torch.sub(%1$s_x, torch.mul(%2$s_mean, %1$s_s)), %2$s_rstd), [0]), [%3$d])"
            .formatted(gy, v, width));
    weightGradient(
        o.layer() + ".bias", "torch.reshape(torch.sum(%s_s, [0]), [%d])".formatted(gy, width));
    String gamma = "torch.reshape(%s, [%d, %d])".formatted(weight(o.layer()), o.groups(), perGroup);
    line("%1$s_db = torch.sum(torch.mul(%1$s_s, %2$s), [2], True)", gy, gamma); // [N, G, 1]
    line("%1$s_ds = torch.sum(torch.mul(%1$s_x, %2$s), [2], True)", gy, gamma);
    line("%1$s_r = torch.div(%2$s_rstd, %3$s)", gy, v, elements);
    line(
        "%1$s_c2 = torch.mul(torch.sub(torch.mul(%1$s_db, %2$s_mean), %1$s_ds), torch.mul(%1$s_r, torch.mul(%2$s_rstd, %2$s_rstd)))",
        gy, v);
    line(
        "%1$s_c3 = torch.neg(torch.add(torch.mul(%1$s_c2, %2$s_mean), torch.mul(%1$s_db, %1$s_r)))",
        gy, v);
    for (String c : List.of("c2", "c3")) {
      line(
          "%1$s_%2$s = torch.reshape(torch.expand(%1$s_%2$s, [-1, -1, %3$d]), [-1, %4$d, 1, 1])",
          gy, c, perGroup, width);
    }
    give(
        o.in(),
        "torch.addcmul_(torch.addcmul(%1$s_c3, %2$s, %1$s_c2, out=%1$s_in), %1$s, %3$s_a)"
            .formatted(gy, in, v),
        true);
  }

  private void attentionBackward(Operation.Attention o, String g) {
    int width = o.in().width();
    int side = o.in().side();
    String v = name(o);
    String gv = "g" + variables++;
    String out = o.layer() + ".to_out.0";
    convolutionBackward(gv, rows(g, side, width), v, width, 1, 0, true);
    weightGradient(
        out + ".weight", "torch.reshape(%1$s, [%2$d, %2$d])".formatted(float32(gv + "_w"), width));
    weightGradient(out + ".bias", float32(gv + "_b"));
    line(
        "%1$s = torch.reshape(torch.permute(%1$s, [0, 2, 3, 1]), [-1, %2$d, %3$d, %4$d])",
        gv, side * side, o.heads(), width / o.heads());
    line("%1$s_qkv = annotate(List[Tensor], [])", gv);
    line(
        "for g in torch.grad([%1$s_mix], [%1$s_q, %1$s_k, %1$s_v], annotate(List[Optional[Tensor]], [%2$s])):",
        v, rounded("torch.transpose(%s, 1, 2)".formatted(gv)));
    line("  if g is not None:");
    line("    torch.append(%1$s_qkv, torch.transpose(g, 1, 2))", gv);
    line(
        "%1$s_z = torch.reshape(torch.stack(%1$s_qkv, 2), [-1, 1, %2$d, %3$d])",
        gv, side, 3 * width);
    convolutionBackward(
        gv, "torch.permute(%s_z, [0, 3, 1, 2])".formatted(gv), v + "_qkv", 3 * width, 1, 0, true);
    for (int i = 0; i < 3; i++) {
      weightGradient(
          layer(o, i) + ".weight",
          "torch.reshape(torch.narrow(%1$s, 0, %2$d, %3$d), [%3$d, %3$d])"
              .formatted(float32(gv + "_w"), i * width, width));
      weightGradient(
          layer(o, i) + ".bias",
          "torch.narrow(%s, 0, %d, %d)".formatted(float32(gv + "_b"), i * width, width));
    }
    give(o.in(), images(gv, side, width), false);
  }

  // The CPU's fused Adam walks through memory without looking at strides.
  private void weightGradient(String name, String gradient) {
    MemoryFormat format =
        channelsLastWeights.contains(name) ? MemoryFormat.CHANNELS_LAST : MemoryFormat.CONTIGUOUS;
    String variable = "d" + variables++;
    line("%s = %s", variable, format.of(gradient));
    weightGradients.put(name, variable);
  }
}
