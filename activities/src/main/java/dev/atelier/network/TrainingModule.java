package dev.atelier.network;

import dev.atelier.network.TorchScriptModule.Attribute;
import dev.atelier.network.TorchScriptModule.Buffer;
import dev.atelier.network.TorchScriptModule.Parameter;
import dev.atelier.network.TorchScriptModule.Submodule;
import dev.atelier.spec.TrainingSpec.Precision;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A network with everything its training changes, and one whole optimisation step as a method:
 * forward, loss, backward, clipping by global norm, fused Adam, and the moving average run in one
 * native call.
 *
 * <p>{@code train_step(xt [N, C, H, W], noise [N, C, H, W], t [N] int64, hyper [2] float64,
 * counters [2] int64) -> [loss, diffusion loss, distillation loss, gradient norm] float64}; {@code
 * distill_step} takes {@code eps_teacher [N, C, H, W]} after t; {@code teach_step} asks the frozen
 * network that the module holds as {@code teacher}. N must be a multiple of the accumulation steps.
 * {@code hyper} is the learning rate and the EMA's decay; {@code counters} the number of this step
 * (from 1) and the seed of its dropout. {@code gradients(xt, noise, t)} returns the gradients of
 * the diffusion loss and changes nothing; {@code state_norms()} returns the norms of the four sets
 * of tensors [4] float64; {@code weights()}, {@code ema()}, {@code exp_avg()} and {@code
 * exp_avg_sq()} return the tensors in the network's order.
 */
public final class TrainingModule {

  /** Settings that are the same for every step. */
  public record Settings(
      double clipNorm, // of the whole gradient
      double weightDecay, // decoupled; 0: plain Adam
      double diffusionWeight, // w_eps
      double distillationWeight, // w_kd
      int accumulationSteps, // equal parts of a batch, one after the other
      Precision precision // of convolutions and matrix products, the teacher's too
      ) {}

  /** The tensors that a training changes, each by the names of the network's weights. */
  public record State(
      Map<String, HostTensor> weights, // float32 in every precision, and so are the others
      Map<String, HostTensor> ema,
      Map<String, HostTensor> expAvg,
      Map<String, HostTensor> expAvgSq) {}

  private static final double BETA1 = 0.9; // Adam's defaults, as DDPM trains
  private static final double BETA2 = 0.999;
  private static final double ADAM_EPS = 1e-8;

  private TrainingModule() {}

  /** A frozen teacher: its weights are no parameters, and no checkpoint holds them. */
  public record TeacherNetwork(UNet network, Map<String, HostTensor> weights) {}

  /** Joins a network and its training state; the tensors' data is not copied. */
  public static TorchScriptModule of(UNet network, State state, Settings settings) {
    return of(network, state, settings, Optional.empty());
  }

  /** As {@link #of(UNet, State, Settings)}, with a teacher for {@code teach_step}. */
  public static TorchScriptModule of(
      UNet network, State state, Settings settings, Optional<TeacherNetwork> teacher) {
    network.check(state.weights(), "The set of weights");
    network.check(state.ema(), "The moving average");
    network.check(state.expAvg(), "Adam's first moment");
    network.check(state.expAvgSq(), "Adam's second moment");
    Map<String, Attribute> attributes = new LinkedHashMap<>();
    network
        .weights()
        .forEach(w -> attributes.put(w.attribute(), new Parameter(state.weights().get(w.name()))));
    buffers(attributes, network, "ema", state.ema());
    buffers(attributes, network, "exp_avg", state.expAvg());
    buffers(attributes, network, "exp_avg_sq", state.expAvgSq());

    String methods =
        network.method("eps", true, settings.precision())
            + list(network, "weights", "")
            + list(network, "ema", "ema__")
            + list(network, "exp_avg", "exp_avg__")
            + list(network, "exp_avg_sq", "exp_avg_sq__")
            + update(settings)
            + step(Target.NONE, settings)
            + step(Target.INPUT, settings);
    if (teacher.isPresent()) {
      attributes.put("teacher", new Submodule(teacherModule(teacher.get(), settings.precision())));
      methods += step(Target.SUBMODULE, settings);
    }
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
            w -> attributes.put(prefix + "__" + w.attribute(), new Buffer(tensors.get(w.name()))));
  }

  private static String list(UNet network, String method, String prefix) {
    StringBuilder text = new StringBuilder("def " + method + "(self) -> List[Tensor]:\n  return [");
    network
        .weights()
        .forEach(w -> text.append("self.").append(prefix).append(w.attribute()).append(", "));
    text.setLength(text.length() - 2);
    return text.append("]\n").toString();
  }

  private static TorchScriptModule teacherModule(TeacherNetwork teacher, Precision precision) {
    teacher.network().check(teacher.weights(), "The teacher's set of weights");
    Map<String, Attribute> attributes = new LinkedHashMap<>();
    teacher
        .network()
        .weights()
        .forEach(w -> attributes.put(w.attribute(), new Buffer(teacher.weights().get(w.name()))));
    return new TorchScriptModule(
        "Teacher", teacher.network().method("eps", false, precision), attributes);
  }

  /** Where a step gets the teacher's eps from. */
  private enum Target {
    NONE("train_step", "", ""),
    INPUT(
        "distill_step",
        "eps_teacher: Tensor, ",
        "torch.slice(eps_teacher, 0, low, torch.add(low, size), 1)"),
    SUBMODULE("teach_step", "", "(self.teacher).eps(xt_k, t_k)");

    private final String method;
    private final String argument;
    private final String eps;

    Target(String method, String argument, String eps) {
      this.method = method;
      this.argument = argument;
      this.eps = eps;
    }
  }

  // The gradients of equal parts of the batch, each of the part's mean loss over the number of
  // parts, sum up to the gradient of the batch's mean loss. Each part's graph is freed by its own
  // torch.grad, before the next part begins. hyper and counters are read first: on a CUDA device
  // each reading waits for it, and at this moment it has nothing to do.
  private static String step(Target target, Settings settings) {
    String teacher =
        target == Target.NONE
            ? """
                  distillation = torch.zeros_like(torch.detach(diffusion))
                  loss = torch.mul(diffusion, %1$s)
              """
            : """
                  distillation = torch.mse_loss(eps, target)
                  loss = torch.add(torch.mul(diffusion, %1$s), torch.mul(distillation, %2$s))
              """;
    String targetLines =
        target == Target.NONE
            ? ""
            : """
                  torch.set_grad_enabled(False)
                  target = %s
                  torch.set_grad_enabled(True)
              """
                .formatted(target.eps);
    return String.format(
        Locale.ROOT,
        """
        def %4$s(self, xt: Tensor, noise: Tensor, t: Tensor, %5$shyper: Tensor, counters: Tensor) -> Tensor:
          torch.manual_seed(int(counters[1]))
          lr = float(hyper[0])
          ema_decay = float(hyper[1])
          size = torch.floordiv(torch.size(xt, 0), %3$d)
          grads = annotate(List[Tensor], [])
          losses = torch.zeros([3], dtype=6, layout=None, device=ops.prim.device(xt), pin_memory=None)
          for k in range(%3$d):
            low = torch.mul(k, size)
            xt_k = torch.slice(xt, 0, low, torch.add(low, size), 1)
            t_k = torch.slice(t, 0, low, torch.add(low, size), 1)
        """
            + targetLines
            + """
                eps = (self).eps(xt_k, t_k)
                diffusion = torch.mse_loss(eps, torch.slice(noise, 0, low, torch.add(low, size), 1))
            """
            + teacher
            + """
                part = (self).gradient_list(torch.div(loss, %3$d))
                losses = torch.add(losses, torch.div(torch.detach(torch.stack([loss, diffusion, distillation])), %3$d))
                if torch.eq(k, 0):
                  torch.extend(grads, part)
                else:
                  torch._foreach_add_(grads, part)
              return (self).update(losses, grads, lr, ema_decay, torch.to(counters[0], 6))
            """,
        settings.diffusionWeight(),
        settings.distillationWeight(),
        settings.accumulationSteps(),
        target.method,
        target.argument);
  }

  // A gradient may come in channels-last strides, and the fused Adam of the CPU walks through
  // memory
  // without looking at strides: each gradient is made contiguous, as its weight is.
  private static String update(Settings settings) {
    String adam = settings.weightDecay() > 0 ? "_fused_adamw_" : "_fused_adam_";
    return String.format(
        Locale.ROOT,
        """
        def gradient_list(self, loss: Tensor) -> List[Tensor]:
          grads = annotate(List[Tensor], [])
          for g in torch.grad([loss], (self).weights()):
            if g is not None:
              torch.append(grads, torch.contiguous(g, memory_format=0))
          return grads
        def gradients(self, xt: Tensor, noise: Tensor, t: Tensor) -> List[Tensor]:
          return (self).gradient_list(torch.mse_loss((self).eps(xt, t), noise))
        def state_norms(self) -> Tensor:
          torch.set_grad_enabled(False)
          norms = annotate(List[Tensor], [])
          for tensors in [(self).weights(), (self).ema(), (self).exp_avg(), (self).exp_avg_sq()]:
            torch.append(norms, torch.linalg_vector_norm(torch.stack(torch._foreach_norm(tensors))))
          torch.set_grad_enabled(True)
          return torch.to(torch.stack(norms), 7)
        def update(self, losses: Tensor, grads: List[Tensor], lr: float, ema_decay: float, step: Tensor) -> Tensor:
          torch.set_grad_enabled(False)
          norm = torch.linalg_vector_norm(torch.stack(torch._foreach_norm(grads)))
          torch._foreach_mul_(grads, torch.clamp(torch.mul(torch.reciprocal(torch.add(norm, 1e-06)), %1$s), None, 1.))
          params = (self).weights()
          steps = annotate(List[Tensor], [])
          for i in range(torch.len(params)):
            torch.append(steps, step)
          torch.%2$s(params, grads, (self).exp_avg(), (self).exp_avg_sq(), annotate(List[Tensor], []), steps, lr=lr, beta1=%3$s, beta2=%4$s, weight_decay=%5$s, eps=%6$s, amsgrad=False, maximize=False)
          torch._foreach_lerp_((self).ema(), params, torch.sub(1., ema_decay))
          torch.set_grad_enabled(True)
          return torch.to(torch.cat([losses, torch.unsqueeze(norm, 0)], 0), 7)
        """,
        settings.clipNorm(),
        adam,
        BETA1,
        BETA2,
        settings.weightDecay(),
        ADAM_EPS);
  }
}
