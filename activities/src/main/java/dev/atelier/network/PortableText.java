package dev.atelier.network;

import dev.atelier.graph.Operation;
import dev.atelier.graph.Value;
import dev.atelier.network.torchscript.ScalarType;
import dev.atelier.network.torchscript.TorchScriptModule.MemoryFormat;
import dev.atelier.spec.TrainingSpec.Precision;
import java.util.List;
import java.util.Locale;

/**
 * Writes a network's forward pass in TorchScript as one would write it by hand, for any device and
 * for autograd: this is what users get in exported files.
 */
final class PortableText implements Operation.Visitor<String> {
  private static final double MAX_PERIOD = 10_000; // of the sinusoidal embedding

  /** What becomes of dropout. */
  enum Dropout {
    /** Nothing is dropped. */
    NONE,
    /** Units are drawn. */
    DRAWN,
    /** Units are drawn, and which were kept is known as {@code <value>_kept}. */
    REMEMBERED,
    /** The units of {@code <value>_kept} are kept, with the same numbers. */
    REPEATED
  }

  private final Dropout dropout;
  private final boolean bf16;

  private PortableText(Dropout dropout, Precision precision) {
    this.dropout = dropout;
    this.bf16 = precision == Precision.BF16;
  }

  /** Lines that read the network's arguments, and make every value. */
  static String forward(List<Operation> operations, boolean dropout, Precision precision) {
    return forward(operations, dropout ? Dropout.DRAWN : Dropout.NONE, precision);
  }

  static String forward(List<Operation> operations, Dropout dropout, Precision precision) {
    PortableText writer = new PortableText(dropout, precision);
    StringBuilder text = new StringBuilder();
    for (Operation operation : operations) {
      text.append(operation.accept(writer));
    }
    return text.toString();
  }

  /**
   * An operand of a convolution or matrix product, as autocast would give it. Everything that comes
   * out of one stays bfloat16 until a norm or the end takes it back to float32.
   */
  private String operand(String tensor) {
    return bf16 ? ScalarType.BFLOAT16.of(tensor) : tensor;
  }

  private String float32(String tensor) {
    return bf16 ? ScalarType.FLOAT.of(tensor) : tensor;
  }

  @Override
  public String sinusoid(Operation.Sinusoid o) {
    return sinusoidLines(o);
  }

  @Override
  public String addClass(Operation.AddClass o) {
    return addClassLine(o);
  }

  @Override
  public String linear(Operation.Linear o) {
    String in = operand(o.in().name());
    String linear =
        format(
            "%s = torch.linear(%s, %s, %s)",
            name(o),
            o.ofPixels() ? channelsAtTheEnd(in) : in,
            operand(weight(o.layer())),
            bias(o.layer(), o.biased()));
    return o.ofPixels() ? linear + channelsBack(o) : linear;
  }

  @Override
  public String silu(Operation.Silu o) {
    return format("%s = torch.silu(%s)", name(o), o.in().name());
  }

  @Override
  public String convolution(Operation.Convolution o) {
    return format(
        "%s = torch.conv2d(%s, %s, %s, [%5$d, %5$d], [%6$d, %6$d], [1, 1], 1)",
        name(o),
        operand(o.in().name()),
        operand(weight(o.layer())),
        bias(o.layer(), o.biased()),
        o.stride(),
        o.padding());
  }

  @Override
  public String groupNorm(Operation.GroupNorm o) {
    String norm =
        format(
            "%s = torch.group_norm(%s, %d, %s, %s, %s, True)",
            name(o),
            float32(o.in().name()),
            o.groups(),
            weight(o.layer()),
            bias(o.layer()),
            o.eps());
    return o.silu() ? norm + format("%1$s = torch.silu(%1$s)", name(o)) : norm;
  }

  @Override
  public String addEmbedding(Operation.AddEmbedding o) {
    return format(
        "%s = torch.add(%s, torch.unsqueeze(torch.unsqueeze(%s, 2), 3))",
        name(o), o.in().name(), o.embedding().name());
  }

  @Override
  public String addResidual(Operation.AddResidual o) {
    return format("%s = torch.add(%s, %s)", name(o), o.residual().name(), o.branch().name());
  }

  @Override
  public String concatenate(Operation.Concatenate o) {
    return format("%s = torch.cat([%s, %s], 1)", name(o), o.first().name(), o.second().name());
  }

  @Override
  public String padRightBottom(Operation.PadRightBottom o) {
    return format("%s = torch.constant_pad_nd(%s, [0, 1, 0, 1], 0.)", name(o), o.in().name());
  }

  @Override
  public String upsample(Operation.Upsample o) {
    return format("%s = torch.upsample_nearest2d(%s, None, [2., 2.])", name(o), o.in().name());
  }

  @Override
  public String dropout(Operation.Dropout o) {
    String in = o.in().name();
    String kept = name(o) + "_kept";
    return switch (dropout) {
      case NONE -> format("%s = %s", name(o), in);
      case DRAWN -> format("%s = torch.dropout(%s, %s, True)", name(o), in, o.probability());
      case REMEMBERED -> // on a CPU dropout multiplies by what it makes of ones, or by 0
          format("%s = torch.dropout(torch.ones_like(%s), %s, True)", kept, in, o.probability())
              + format("%s = torch.mul(%s, %s)", name(o), in, kept)
              + format("%1$s = torch.ne(%1$s, 0)", kept);
      case REPEATED ->
          format(
              "%s = torch.mul(%s, torch.div(torch.to(%s, ops.prim.dtype(%2$s)), %s))",
              name(o), in, kept, 1 - o.probability());
    };
  }

  /** In float32 and in the order of operations of diffusers. */
  static String sinusoidLines(Operation.Sinusoid o) {
    int half = o.out().width() / 2;
    String f = name(o) + "_f";
    return format(
            "%s = torch.arange(0, %d, 1, dtype=%d, layout=None, device=ops.prim.device(x), pin_memory=None)",
            f, half, ScalarType.FLOAT.number())
        + format(
            "%1$s = torch.exp(torch.div(torch.mul(%1$s, %2$s), %3$d))",
            f, -Math.log(MAX_PERIOD), half - o.shift())
        + format(
            "%1$s = torch.mul(torch.unsqueeze(%2$s, 1), torch.unsqueeze(%1$s, 0))",
            f, ScalarType.FLOAT.of("t"))
        + format(
            o.cosinesFirst()
                ? "%s = torch.cat([torch.cos(%2$s), torch.sin(%2$s)], -1)"
                : "%s = torch.cat([torch.sin(%2$s), torch.cos(%2$s)], -1)",
            name(o),
            f);
  }

  static String addClassLine(Operation.AddClass o) {
    return format(
        "%s = torch.add(%s, torch.embedding(%s, y))", name(o), o.in().name(), weight(o.layer()));
  }

  @Override
  public String attention(Operation.Attention o) {
    String v = name(o);
    String h = v + "_h";
    StringBuilder text = new StringBuilder();
    text.append(
        format(
            "%s = torch.transpose(torch.flatten(%s, 2), 1, 2)", h, o.in().name())); // [N, H*W, C]
    for (String role : List.of("q", "k", "v")) {
      String layer = o.layer() + ".to_" + role;
      text.append(
          format(
              "%s_%s = torch.transpose(torch.unflatten(torch.linear(%s, %s, %s), 2, [%d, %d]), 1, 2)",
              v,
              role,
              operand(h),
              operand(weight(layer)),
              operand(bias(layer)),
              o.heads(),
              o.in().width() / o.heads()));
    }
    String layer = o.layer() + ".to_out.0";
    return text.append(
            format(
                "%1$s = torch.scaled_dot_product_attention(%2$s_q, %2$s_k, %2$s_v, None, 0., False)",
                h, v)) // [N, heads, H*W, C/heads]
        .append(
            format(
                "%1$s = torch.linear(torch.flatten(torch.transpose(%1$s, 1, 2), 2), %2$s, %3$s)",
                h, operand(weight(layer)), operand(bias(layer)))) // [N, H*W, C]
        .append(
            format(
                "%s = torch.reshape(torch.transpose(%s, 1, 2), torch.size(%s))",
                v, h, o.in().name()))
        .toString();
  }

  @Override
  public String addPositions(Operation.AddPositions o) {
    int quarter = o.in().width() / 4;
    int side = o.in().side();
    String p = name(o) + "_p";
    String f = name(o) + "_f";
    return format("%s = %s", p, range(side))
        + format(
            "%s = torch.exp(torch.mul(%s, %s))", f, range(quarter), -Math.log(MAX_PERIOD) / quarter)
        + format("%1$s = torch.mul(torch.unsqueeze(%2$s, 1), torch.unsqueeze(%1$s, 0))", p, f)
        + format(
            "%1$s = %2$s",
            p, ScalarType.FLOAT.of("torch.cat([torch.sin(%1$s), torch.cos(%1$s)], 0)".formatted(p)))
        + format( // [C, H, W]: the column's, then the row's
            "%1$s = torch.cat([torch.expand(torch.unsqueeze(%1$s, 1), [%2$d, %3$d, %3$d]), torch.expand(torch.unsqueeze(%1$s, 2), [%2$d, %3$d, %3$d])], 0)",
            p, 2 * quarter, side)
        + format(
            "%s = %s", // the order that layers over pixels read
            name(o),
            MemoryFormat.CHANNELS_LAST.of("torch.add(%s, %s)".formatted(o.in().name(), p)));
  }

  /** 0, 1, … in double: a table that is made once must be as exact as float32 has it. */
  private static String range(int end) {
    return "torch.arange(0, %d, 1, dtype=%d, layout=None, device=ops.prim.device(x), pin_memory=None)"
        .formatted(end, ScalarType.DOUBLE.number());
  }

  @Override
  public String adaptiveNorm(Operation.AdaptiveNorm o) {
    int width = o.in().width();
    return format(
            "%s = torch.layer_norm(%s, [%d], None, None, %s, True)",
            name(o), channelsAtTheEnd(float32(o.in().name())), width, o.eps())
        + format(
            "%1$s = torch.add(torch.mul(%1$s, torch.add(%2$s, 1)), %3$s)",
            name(o),
            part(o.embedding(), o.part() + 1, width, 1),
            part(o.embedding(), o.part(), width, 1))
        + channelsBack(o);
  }

  @Override
  public String gelu(Operation.Gelu o) {
    return format("%s = %s", name(o), gelu(o.in().name(), o.form()));
  }

  private static String gelu(String x, Operation.Gelu.Form form) {
    return switch (form) {
      case EXACT -> "torch.gelu(%s)".formatted(x);
      // (1 + tanh z) / 2 as sigmoid(2 z): archives of this version have no gelu with a tanh.
      case TANH ->
          "torch.mul(%1$s, torch.sigmoid(torch.mul(torch.mul(%1$s, torch.add(torch.mul(torch.mul(%1$s, %1$s), 0.044715), 1)), %2$s)))"
              .formatted(x, Math.sqrt(8 / Math.PI));
      case SIGMOID -> "torch.mul(%1$s, torch.sigmoid(torch.mul(%1$s, 1.702)))".formatted(x);
    };
  }

  @Override
  public String addGated(Operation.AddGated o) {
    return format(
        "%s = torch.add(%s, torch.mul(%s, %s))",
        name(o),
        o.residual().name(),
        o.branch().name(),
        part(o.embedding(), o.part(), o.branch().width(), 2));
  }

  @Override
  public String unpatch(Operation.Unpatch o) {
    int side = o.in().side();
    String patches =
        "torch.reshape(%s, [-1, %2$d, %2$d, %3$d, %4$d, %4$d])" // [N, rows, columns, channels, H,
            // W]
            .formatted(o.in().name(), o.patch(), o.channels(), side);
    String kept =
        o.channels() == o.out().width()
            ? patches
            : "torch.narrow(%s, 3, 0, %d)".formatted(patches, o.out().width());
    return format(
        "%s = torch.reshape(torch.permute(%s, [0, 3, 4, 1, 5, 2]), [-1, %3$d, %4$d, %4$d])",
        name(o), kept, o.out().width(), o.out().side());
  }

  @Override
  public String firstChannels(Operation.FirstChannels o) {
    return format("%s = %s", name(o), channels(o.in(), 0, o.out().width()));
  }

  private static String channels(Value value, int first, int count) {
    return "torch.narrow(%s, 1, %d, %d)".formatted(value.name(), first, count);
  }

  @Override
  public String scale(Operation.Scale o) {
    return format("%s = torch.mul(%s, %s)", name(o), o.in().name(), o.factor());
  }

  @Override
  public String layerNorm(Operation.LayerNorm o) {
    return format(
            "%s = torch.layer_norm(%s, [%d], %s, %s, %s, True)",
            name(o),
            channelsAtTheEnd(float32(o.in().name())),
            o.in().width(),
            weight(o.layer()),
            bias(o.layer()),
            o.eps())
        + channelsBack(o);
  }

  @Override
  public String crossAttention(Operation.CrossAttention o) {
    String v = name(o);
    boolean biased = o.projections().biased();
    return format("%s_h = %s", v, tokens(o.in()))
        + format("%s_c = %s", v, tokens(o.context()))
        + heads(o, "q", v + "_h", o.query(), biased)
        + heads(o, "k", v + "_c", o.key(), biased)
        + heads(o, "v", v + "_c", o.value(), biased)
        + format(
            "%1$s_h = torch.scaled_dot_product_attention(%1$s_q, %1$s_k, %1$s_v, None, 0., %2$s)",
            v, o.causal() ? "True" : "False")
        + format(
            "%1$s_h = torch.linear(torch.flatten(torch.transpose(%1$s_h, 1, 2), 2), %2$s, %3$s)",
            v, operand(weight(o.last())), bias(o.last(), true))
        + format(
            "%1$s = torch.reshape(torch.transpose(%1$s_h, 1, 2), torch.size(%2$s))",
            v, o.in().name());
  }

  /** [N, C, H, W] as [N, H*W, C]. */
  private String tokens(Value value) {
    return operand("torch.transpose(torch.flatten(%s, 2), 1, 2)".formatted(value.name()));
  }

  /** A line that makes [N, heads, tokens, C/heads]. */
  private String heads(
      Operation.CrossAttention o, String role, String tokens, String layer, boolean biased) {
    return format(
        "%s_%s = torch.transpose(torch.unflatten(torch.linear(%s, %s, %s), 2, [%d, %d]), 1, 2)",
        name(o),
        role,
        tokens,
        operand(weight(layer)),
        bias(layer, biased),
        o.heads(),
        o.in().width() / o.heads());
  }

  @Override
  public String gatedGelu(Operation.GatedGelu o) {
    int width = o.out().width();
    return format(
        "%s = torch.mul(%s, %s)",
        name(o),
        channels(o.in(), 0, width),
        gelu(channels(o.in(), width, width), Operation.Gelu.Form.EXACT));
  }

  @Override
  public String averagePool(Operation.AveragePool o) {
    return format(
        "%s = torch.avg_pool2d(%s, [2, 2], [2, 2], [0, 0], False, True, None)",
        name(o), o.in().name());
  }

  @Override
  public String firDown(Operation.FirDown o) {
    return fir(o, 64)
        + format(
            "%1$s = torch.conv2d(%2$s, %3$s, None, [2, 2], [1, 1], [1, 1], %4$d)",
            name(o), operand(o.in().name()), firWeights(o), o.in().width());
  }

  @Override
  public String firUp(Operation.FirUp o) {
    return fir(o, 16)
        + format(
            "%1$s = torch.conv_transpose2d(%2$s, %3$s, None, [2, 2], [1, 1], [0, 0], %4$d, [1, 1])",
            name(o), operand(o.in().name()), firWeights(o), o.in().width());
  }

  /** A line that makes the filter, [4, 4]. */
  private static String fir(Operation o, int divisor) {
    return format(
            "%s_f = torch.tensor([1., 3., 3., 1.], dtype=%d, device=ops.prim.device(x), requires_grad=False)",
            name(o), ScalarType.FLOAT.number())
        + format("%1$s_f = torch.div(torch.outer(%1$s_f, %1$s_f), %2$d)", name(o), divisor);
  }

  /** The filter for each channel, [C, 1, 4, 4]. */
  private String firWeights(Operation o) {
    return operand(
        "torch.expand(torch.unsqueeze(torch.unsqueeze(%s_f, 0), 0), [%d, 1, 4, 4])"
            .formatted(name(o), o.out().width()));
  }

  @Override
  public String tokenEmbedding(Operation.TokenEmbedding o) {
    return format(
        "%s = torch.unsqueeze(torch.transpose(torch.embedding(%s, %s), 1, 2), 2)",
        name(o), weight(o.layer()), o.in().name());
  }

  @Override
  public String addPositionTable(Operation.AddPositionTable o) {
    return format(
        "%s = torch.add(%s, torch.unsqueeze(torch.t(%s), 1))",
        name(o), o.in().name(), weight(o.layer()));
  }

  @Override
  public String prependToken(Operation.PrependToken o) {
    return format(
        "%s = torch.unsqueeze(torch.cat([torch.expand(torch.reshape(%s, [1, -1, 1]), [torch.size(%s, 0), %d, 1]), torch.flatten(%3$s, 2)], 2), 2)",
        name(o), attribute(o.weight()), o.in().name(), o.in().width());
  }

  @Override
  public String firstToken(Operation.FirstToken o) {
    return format("%s = torch.select(torch.select(%s, 2, 0), 2, 0)", name(o), o.in().name());
  }

  /** Part {@code i} of an embedding, in float32, for each pixel: channels at {@code axis} of 4. */
  private String part(Value embedding, int i, int width, int axis) {
    String part =
        "torch.narrow(%s, 1, %d, %d)".formatted(float32(embedding.name()), i * width, width);
    return "torch.unsqueeze(torch.unsqueeze(%1$s, %2$d), %2$d)".formatted(part, axis);
  }

  /** [N, C, H, W] as [N, H, W, C]. */
  private static String channelsAtTheEnd(String value) {
    return "torch.permute(%s, [0, 2, 3, 1])".formatted(value);
  }

  /** The way back of a value, as a line. */
  private static String channelsBack(Operation o) {
    return format("%1$s = torch.permute(%1$s, [0, 3, 1, 2])", name(o));
  }

  private static String name(Operation operation) {
    return operation.out().name();
  }

  static String weight(String layer) {
    return attribute(layer + ".weight");
  }

  static String bias(String layer) {
    return attribute(layer + ".bias");
  }

  /** The bias as an operand, or none. */
  private String bias(String layer, boolean biased) {
    return biased ? operand(bias(layer)) : "None";
  }

  private static String attribute(String weight) {
    return "self." + weight.replace(".", "__");
  }

  static String format(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments) + "\n";
  }
}
