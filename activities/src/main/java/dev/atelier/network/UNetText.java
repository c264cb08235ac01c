package dev.atelier.network;

import dev.atelier.spec.TrainingSpec.Precision;
import java.util.List;
import java.util.Locale;

/**
 * Writes a network's forward pass in TorchScript as one would write it by hand, for any device and
 * for autograd: this is what users get in exported files.
 */
final class UNetText {
  static final double NORM_EPS = 1e-6;
  private static final double MAX_PERIOD = 10_000; // of the sinusoidal embedding

  private final boolean dropout;
  private final boolean bf16;

  private UNetText(boolean dropout, Precision precision) {
    this.dropout = dropout;
    this.bf16 = precision == Precision.BF16;
  }

  /** Lines that read {@code x}, {@code t} and perhaps {@code y}, and make every value. */
  static String forward(List<Operation> operations, boolean dropout, Precision precision) {
    UNetText writer = new UNetText(dropout, precision);
    StringBuilder text = new StringBuilder();
    for (Operation operation : operations) {
      text.append(writer.line(operation));
    }
    return text.toString();
  }

  /**
   * An operand of a convolution or matrix product, as autocast would give it. Everything that comes
   * out of one stays bfloat16 until a norm or the end takes it back to float32.
   */
  private String operand(String tensor) {
    return bf16 ? "torch.to(" + tensor + ", 15)" : tensor;
  }

  private String float32(String tensor) {
    return bf16 ? "torch.to(" + tensor + ", 6)" : tensor;
  }

  static String last(List<Operation> operations) {
    return operations.get(operations.size() - 1).out();
  }

  private String line(Operation operation) {
    if (operation instanceof Operation.Sinusoid o) {
      return sinusoid(o);
    } else if (operation instanceof Operation.AddClass o) {
      return addClass(o);
    } else if (operation instanceof Operation.Linear o) {
      return linear(o);
    } else if (operation instanceof Operation.Silu o) {
      return format("%s = torch.silu(%s)", o.out(), o.in());
    } else if (operation instanceof Operation.Convolution o) {
      return format(
          "%s = torch.conv2d(%s, %s, %s, [%5$d, %5$d], [%6$d, %6$d], [1, 1], 1)",
          o.out(),
          operand(o.in()),
          operand(weight(o.layer())),
          operand(bias(o.layer())),
          o.stride(),
          o.padding());
    } else if (operation instanceof Operation.GroupNorm o) {
      String norm =
          format(
              "%s = torch.group_norm(%s, %d, %s, %s, %s, True)",
              o.out(), float32(o.in()), o.groups(), weight(o.layer()), bias(o.layer()), NORM_EPS);
      return o.silu() ? norm + format("%1$s = torch.silu(%1$s)", o.out()) : norm;
    } else if (operation instanceof Operation.AddEmbedding o) {
      return format(
          "%s = torch.add(%s, torch.unsqueeze(torch.unsqueeze(%s, 2), 3))",
          o.out(), o.in(), o.embedding());
    } else if (operation instanceof Operation.AddResidual o) {
      return format("%s = torch.add(%s, %s)", o.out(), o.residual(), o.branch());
    } else if (operation instanceof Operation.Concatenate o) {
      return format("%s = torch.cat([%s, %s], 1)", o.out(), o.first(), o.second());
    } else if (operation instanceof Operation.PadRightBottom o) {
      return format("%s = torch.constant_pad_nd(%s, [0, 1, 0, 1], 0.)", o.out(), o.in());
    } else if (operation instanceof Operation.Upsample o) {
      return format("%s = torch.upsample_nearest2d(%s, None, [2., 2.])", o.out(), o.in());
    } else if (operation instanceof Operation.Attention o) {
      return attention(o);
    } else if (operation instanceof Operation.Dropout o) {
      return dropout
          ? format("%s = torch.dropout(%s, %s, True)", o.out(), o.in(), o.probability())
          : format("%s = %s", o.out(), o.in());
    }
    throw new IllegalArgumentException("Unknown operation " + operation);
  }

  /** In float32 and in the order of operations of diffusers. */
  static String sinusoid(Operation.Sinusoid o) {
    int half = o.width() / 2;
    String f = o.out() + "_f";
    return format(
            "%s = torch.arange(0, %d, 1, dtype=6, layout=None, device=ops.prim.device(x), pin_memory=None)",
            f, half)
        + format(
            "%1$s = torch.exp(torch.div(torch.mul(%1$s, %2$s), %3$d))",
            f, -Math.log(MAX_PERIOD), half - 1)
        + format(
            "%1$s = torch.mul(torch.unsqueeze(torch.to(t, 6), 1), torch.unsqueeze(%1$s, 0))", f)
        + format("%s = torch.cat([torch.sin(%2$s), torch.cos(%2$s)], -1)", o.out(), f);
  }

  static String addClass(Operation.AddClass o) {
    return format("%s = torch.add(%s, torch.embedding(%s, y))", o.out(), o.in(), weight(o.layer()));
  }

  String linear(Operation.Linear o) {
    return format(
        "%s = torch.linear(%s, %s, %s)",
        o.out(), operand(o.in()), operand(weight(o.layer())), operand(bias(o.layer())));
  }

  private String attention(Operation.Attention o) {
    String h = o.out() + "_h";
    StringBuilder text = new StringBuilder();
    text.append(
        format("%s = torch.transpose(torch.flatten(%s, 2), 1, 2)", h, o.in())); // [N, H*W, C]
    for (String role : List.of("q", "k", "v")) {
      String layer = o.layer() + ".to_" + role;
      text.append(
          format(
              "%s_%s = torch.transpose(torch.unflatten(torch.linear(%s, %s, %s), 2, [%d, %d]), 1, 2)",
              o.out(),
              role,
              operand(h),
              operand(weight(layer)),
              operand(bias(layer)),
              o.heads(),
              o.width() / o.heads()));
    }
    String layer = o.layer() + ".to_out.0";
    return text.append(
            format(
                "%1$s = torch.scaled_dot_product_attention(%2$s_q, %2$s_k, %2$s_v, None, 0., False)",
                h, o.out())) // [N, heads, H*W, C/heads]
        .append(
            format(
                "%1$s = torch.linear(torch.flatten(torch.transpose(%1$s, 1, 2), 2), %2$s, %3$s)",
                h, operand(weight(layer)), operand(bias(layer)))) // [N, H*W, C]
        .append(
            format(
                "%s = torch.reshape(torch.transpose(%s, 1, 2), torch.size(%s))",
                o.out(), h, o.in()))
        .toString();
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
