package dev.atelier.network;

import dev.atelier.graph.Operation;
import dev.atelier.network.torchscript.ScalarType;
import dev.atelier.spec.TrainingSpec.Precision;
import java.util.List;
import java.util.Locale;

/**
 * Writes a network's forward pass in TorchScript as one would write it by hand, for any device and
 * for autograd: this is what users get in exported files.
 */
final class PortableText implements Operation.Visitor<String> {
  private static final double MAX_PERIOD = 10_000; // of the sinusoidal embedding

  private final boolean dropout;
  private final boolean bf16;

  private PortableText(boolean dropout, Precision precision) {
    this.dropout = dropout;
    this.bf16 = precision == Precision.BF16;
  }

  /** Lines that read {@code x}, {@code t} and perhaps {@code y}, and make every value. */
  static String forward(List<Operation> operations, boolean dropout, Precision precision) {
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
    return format(
        "%s = torch.linear(%s, %s, %s)",
        name(o), operand(o.in().name()), operand(weight(o.layer())), operand(bias(o.layer())));
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
        operand(bias(o.layer())),
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
    return dropout
        ? format("%s = torch.dropout(%s, %s, True)", name(o), o.in().name(), o.probability())
        : format("%s = %s", name(o), o.in().name());
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

  private static String name(Operation operation) {
    return operation.out().name();
  }

  static String weight(String layer) {
    return "self." + (layer + ".weight").replace(".", "__");
  }

  static String bias(String layer) {
    return "self." + (layer + ".bias").replace(".", "__");
  }

  static String format(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments) + "\n";
  }
}
