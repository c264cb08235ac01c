package dev.atelier.network;

import dev.atelier.network.TorchScriptModule.Attribute;
import dev.atelier.network.TorchScriptModule.Buffer;
import dev.atelier.network.TorchScriptModule.Parameter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * A network with everything its training changes, and one whole optimisation step as a method:
 * forward, loss, backward, clipping by global norm, fused Adam, and the moving average run in one
 * native call.
 *
 * <p>{@code train_step(xt [N, C, H, W], noise [N, C, H, W], t [N] int64, hyper [2] float64,
 * counters [2] int64) -> [loss, diffusion loss, distillation loss, gradient norm] float64}; {@code
 * distill_step} takes {@code eps_teacher [N, C, H, W]} after t. {@code hyper} is the learning rate
 * and the EMA's decay; {@code counters} the number of this step (from 1) and the seed of its
 * dropout. {@code gradients(xt, noise, t)} returns the gradients of the diffusion loss and changes
 * nothing; {@code weights()}, {@code ema()}, {@code exp_avg()} and {@code exp_avg_sq()} return the
 * tensors in the network's order.
 */
public final class TrainingModule {

  /** Settings that are the same for every step. */
  public record Settings(
      double clipNorm, // of the whole gradient
      double weightDecay, // decoupled; 0: plain Adam
      double diffusionWeight, // w_eps
      double distillationWeight // w_kd
      ) {}

  /** The tensors that a training changes, each by the names of the network's weights. */
  public record State(
      Map<String, HostTensor> weights,
      Map<String, HostTensor> ema,
      Map<String, HostTensor> expAvg,
      Map<String, HostTensor> expAvgSq) {}

  private static final double BETA1 = 0.9; // Adam's defaults, as DDPM trains
  private static final double BETA2 = 0.999;
  private static final double ADAM_EPS = 1e-8;

  private TrainingModule() {}

  /** Joins a network and its training state; the tensors' data is not copied. */
  public static TorchScriptModule of(UNet network, State state, Settings settings) {
    network.check(state.weights(), "The set of weights");
    network.check(state.ema(), "The moving average");
    network.check(state.expAvg(), "Adam's first moment");
    network.check(state.expAvgSq(), "Adam's second moment");
    Map<String, Attribute> attributes = new LinkedHashMap<>();
    network
        .weights()
        .forEach(
            w ->
                attributes.put(
                    w.attribute(), new Parameter(state.weights().get(w.name()), w.format())));
    buffers(attributes, network, "ema", state.ema());
    buffers(attributes, network, "exp_avg", state.expAvg());
    buffers(attributes, network, "exp_avg_sq", state.expAvgSq());

    String methods =
        backpropagation(network, settings)
            + lists(network, "weights", "")
            + lists(network, "ema", "ema__")
            + lists(network, "exp_avg", "exp_avg__")
            + lists(network, "exp_avg_sq", "exp_avg_sq__")
            + steps(settings);
    return new TorchScriptModule("Training", methods, attributes);
  }

  private static void buffers(
      Map<String, Attribute> attributes,
      UNet network,
      String prefix,
      Map<String, HostTensor> tensors) {
    network
        .weights()
        .forEach(
            w ->
                attributes.put(
                    prefix + "__" + w.attribute(), new Buffer(tensors.get(w.name()), w.format())));
  }

  // name() for reading, row-major, and name_() for changing, as they lie in memory.
  private static String lists(UNet network, String name, String prefix) {
    StringBuilder read = new StringBuilder("def " + name + "(self) -> List[Tensor]:\n  return [");
    StringBuilder change =
        new StringBuilder("def " + name + "_(self) -> List[Tensor]:\n  return [");
    for (UNet.Weight weight : network.weights()) {
      String tensor = "self." + prefix + weight.attribute();
      read.append("torch.contiguous(").append(tensor).append(", memory_format=0), ");
      change.append(tensor).append(", ");
    }
    return read.append("]\n").append(change).append("]\n").toString();
  }

  private static String backpropagation(UNet network, Settings settings) {
    String loss =
        """
        diffusion = torch.mse_loss(eps, noise)
        distillation = torch.mse_loss(eps, eps_teacher)
        loss = torch.add(torch.mul(diffusion, %1$s), torch.mul(distillation, %2$s))
        g_eps = torch.mul(torch.sub(eps, noise), torch.div(2. * %1$s, torch.numel(eps)))
        g_eps = torch.add(g_eps, torch.mul(torch.sub(eps, eps_teacher), torch.div(2. * %2$s, torch.numel(eps))))
        """
            .formatted(settings.diffusionWeight(), settings.distillationWeight());
    return "def backpropagate(self, x: Tensor, t: Tensor, noise: Tensor, eps_teacher: Tensor) -> Tuple[Tensor, Tensor, Tensor, List[Tensor]]:\n"
        + ("torch.set_grad_enabled(False)\n"
                + network.gradientLines(loss)
                + "torch.set_grad_enabled(True)\n"
                + "return (loss, diffusion, distillation, gradients)\n")
            .indent(2);
  }

  // A gradient may come in channels-last strides, and the fused Adam of the CPU walks through
  // memory
  // without looking at strides: each gradient is made contiguous, as its weight is.
  private static String steps(Settings settings) {
    String adam = settings.weightDecay() > 0 ? "_fused_adamw_" : "_fused_adam_";
    return String.format(
        Locale.ROOT,
        """
        def gradients(self, xt: Tensor, noise: Tensor, t: Tensor) -> List[Tensor]:
          loss, diffusion, distillation, grads, = (self).backpropagate(xt, t, noise, noise)
          return grads
        def train_step(self, xt: Tensor, noise: Tensor, t: Tensor, hyper: Tensor, counters: Tensor) -> Tensor:
          return (self).distill_step(xt, noise, t, noise, hyper, counters)
        def distill_step(self, xt: Tensor, noise: Tensor, t: Tensor, eps_teacher: Tensor, hyper: Tensor, counters: Tensor) -> Tensor:
          torch.manual_seed(int(counters[1]))
          loss, diffusion, distillation, grads, = (self).backpropagate(xt, t, noise, eps_teacher)
          return (self).update(loss, diffusion, distillation, grads, hyper, counters)
        def update(self, loss: Tensor, diffusion: Tensor, distillation: Tensor, grads: List[Tensor], hyper: Tensor, counters: Tensor) -> Tensor:
          torch.set_grad_enabled(False)
          norm = torch.linalg_vector_norm(torch.stack(torch._foreach_norm(grads)))
          torch._foreach_mul_(grads, torch.clamp(torch.mul(torch.reciprocal(torch.add(norm, 1e-06)), %3$s), None, 1.))
          params = (self).weights_()
          step = torch.to(counters[0], 6)
          steps = annotate(List[Tensor], [])
          for i in range(torch.len(params)):
            torch.append(steps, step)
          torch.%4$s(params, grads, (self).exp_avg_(), (self).exp_avg_sq_(), annotate(List[Tensor], []), steps, lr=float(hyper[0]), beta1=%5$s, beta2=%6$s, weight_decay=%7$s, eps=%8$s, amsgrad=False, maximize=False)
          torch._foreach_lerp_((self).ema_(), params, torch.sub(1., float(hyper[1])))
          torch.set_grad_enabled(True)
          return torch.to(torch.stack([torch.detach(loss), torch.detach(diffusion), torch.detach(distillation), norm]), 7)
        """,
        settings.diffusionWeight(),
        settings.distillationWeight(),
        settings.clipNorm(),
        adam,
        BETA1,
        BETA2,
        settings.weightDecay(),
        ADAM_EPS);
  }
}
