package dev.atelier.network.torchscript;

import dev.atelier.diffusion.ModelRanges;
import dev.atelier.network.torchscript.TorchScriptModule.Attribute;
import dev.atelier.network.torchscript.TorchScriptModule.Submodule;
import dev.atelier.spec.TimestepRange;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Several models as one: {@code forward(x [N, C, H, W] float, t [N] int64) -> eps}, with {@code y
 * [N] int64} after t for conditional ones and {@code context [N, L, D]} last for those that read
 * texts, sends each sample to the model that owns its t. A t outside [0, T) is an error, and so is
 * a y that is no class.
 */
public final class EnsembleModule {

  private EnsembleModule() {}

  /**
   * Joins {@code models}, which own {@code ranges} in this order; they become the submodules {@code
   * student_1}, {@code student_2}, ….
   *
   * @param classes that every model is conditioned on; 0: unconditional
   * @param texts whether every model reads one
   */
  public static TorchScriptModule of(
      ModelRanges ranges, List<TorchScriptModule> models, int classes, boolean texts) {
    if (models.size() != ranges.ranges().size()) {
      throw new IllegalArgumentException(
          "An ensemble needs one model per range: expected %d, found %d."
              .formatted(ranges.ranges().size(), models.size()));
    }
    Map<String, Attribute> attributes = new LinkedHashMap<>();
    boolean conditional = classes > 0;
    StringBuilder text = new StringBuilder("def forward(self, x: Tensor, t: Tensor");
    text.append(conditional ? ", y: Tensor" : "");
    text.append(texts ? ", context: Tensor" : "").append(") -> Tensor:\n");
    text.append(check("t", ranges.timesteps()));
    if (conditional) {
      text.append(check("y", classes));
    }
    text.append("  out = torch.empty_like(x)\n");
    for (int i = 0; i < models.size(); i++) {
      String name = "student_" + (i + 1);
      attributes.put(name, new Submodule(models.get(i)));
      TimestepRange range = ranges.ranges().get(i);
      text.append(
          """
            own = torch.logical_and(torch.ge(t, %1$d), torch.lt(t, %2$d))
            index = torch.reshape(torch.nonzero(own), [-1])
            if torch.gt(torch.numel(index), 0):
              eps = (self.%3$s).forward(torch.index_select(x, 0, index), torch.index_select(t, 0, index)%4$s)
              out = torch.index_copy_(out, 0, index, eps)
          """
              .formatted(
                  range.low(),
                  range.high(),
                  name,
                  (conditional ? ", torch.index_select(y, 0, index)" : "")
                      + (texts ? ", torch.index_select(context, 0, index)" : "")));
    }
    text.append("  return out\n");
    return new TorchScriptModule("Ensemble", text.toString(), attributes);
  }

  private static String check(String argument, int end) {
    return """
          outside = torch.logical_or(torch.lt(%1$s, 0), torch.ge(%1$s, %2$d))
          if bool(torch.any(outside)):
            ops.prim.RaiseException("%1$s must be in [0, %2$d).", "builtins.ValueError")
        """
        .formatted(argument, end);
  }
}
