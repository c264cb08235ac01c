package dev.atelier.network;

import dev.atelier.diffusion.CommonSpace;
import dev.atelier.diffusion.LossWeights;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.graph.Graph;
import dev.atelier.graph.Value;
import dev.atelier.graph.Weight;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.ScalarType;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.network.torchscript.TorchScriptModule.Attribute;
import dev.atelier.network.torchscript.TorchScriptModule.Buffer;
import dev.atelier.network.torchscript.TorchScriptModule.MemoryFormat;
import dev.atelier.network.torchscript.TorchScriptModule.Parameter;
import dev.atelier.network.torchscript.TorchScriptModule.Submodule;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.FeatureLossSpec;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A network with everything its training changes, and one whole optimisation step as a method:
 * forward, loss, backward, clipping by global norm, fused Adam, and the moving average run in one
 * native call.
 *
 * <p>{@code train_step(xt [N, C, H, W], noise [N, C, H, W], t [N] int64, hyper [2] float64,
 * counters [2] int64) -> [5 + N] float64}, the {@link StepFigures}; {@code noise} is what the
 * network is to predict, and {@code eps} in the text what it does, whatever that is. {@code
 * distill_step} takes {@code eps_teacher [N, C, H, W]}, the teacher's prediction, after t; {@code
 * teach_step} asks the frozen network that the module holds as {@code teacher}, for its features
 * too where the settings have a feature loss, and a second time where they have a guidance, neither
 * of which the two other methods can have; {@code without [1, L, D]}, the embedding of the empty
 * text, then follows the conditions of a network of texts. What else the network is told comes
 * right after t, and its teacher is told it too: {@code y [N] int64} of a network of classes, then
 * {@code context [N, L, D]} of one of texts. N must be a multiple of the accumulation steps; what a
 * loss compares between samples it compares within such a part. {@code hyper} is the learning rate
 * and the EMA's decay; {@code counters} the number of this step (from 1) and the seed of its
 * dropout. {@code gradients(xt, noise, t)} returns the gradients of the diffusion loss and changes
 * nothing; {@code state_norms()} returns the norms of the four sets of tensors [4] float64; {@code
 * weights()}, {@code ema()}, {@code exp_avg()} and {@code exp_avg_sq()} return the tensors in the
 * network's order, and after them those of the feature loss's adaptors; these have no average, as
 * nobody samples with them.
 */
public final class TrainingModule {

  /** Settings that are the same for every step. */
  @RecordBuilder
  public record Settings(
      double clipNorm, // of the whole gradient
      double weightDecay, // decoupled; 0: plain Adam
      double beta2, // of Adam
      double diffusionWeight, // w_diffusion
      double distillationWeight, // w_distillation
      int accumulationSteps, // equal parts of a batch, one after the other
      Precision precision, // of convolutions and matrix products, the teacher's too
      NetworkForm form, // where a network has it, the teacher's too
      FeatureLossSpec feature,
      Optional<CommonSpace> common, // absent: the teacher predicts the same
      Optional<LossWeights> weights, // of the samples; absent: all alike
      Optional<Double> guidance, // of the teacher's prediction; absent: as it is
      boolean recomputing) { // activations in the backward pass, in place of keeping them

    /** Those that a spec asks for, of a network that predicts {@code predicts}. */
    public static Settings of(
        TrainingSpec training,
        LossSpec loss,
        NetworkForm form,
        DiffusionSpec diffusion,
        Prediction predicts) {
      NoiseSchedule schedule = NoiseSchedule.of(diffusion);
      return new Settings(
          training.clipNorm(),
          training.weightDecay(),
          training.beta2(),
          loss.diffusion(),
          loss.distillation(),
          training.accumulationSteps(),
          training.precision(),
          form,
          loss.feature(),
          CommonSpace.of(predicts, diffusion.teacherPredicts(), schedule),
          LossWeights.of(training, predicts, schedule),
          loss.guidance(),
          training.gradientCheckpointing().orElse(false));
    }
  }

  /**
   * The tensors that a training changes, each by the names of the network's weights; all but {@code
   * ema} have those of the adaptors too.
   */
  public record State(
      Map<String, HostTensor> weights, // float32 in every precision, and so are the others
      Map<String, HostTensor> ema,
      Map<String, HostTensor> expAvg,
      Map<String, HostTensor> expAvgSq) {}

  private static final double BETA1 = 0.9; // Adam's defaults, as DDPM trains
  private static final double ADAM_EPS = 1e-8;

  private static final String COMMON = "common_space"; // [T, 3]
  private static final String WEIGHTS = "loss_weights"; // [T]

  private TrainingModule() {}

  /** A frozen teacher: its weights are no parameters, and no checkpoint holds them. */
  public record TeacherNetwork(Network network, Map<String, HostTensor> weights) {}

  /** Joins a network and its training state; the tensors' data is not copied. */
  public static TorchScriptModule of(Network network, State state, Settings settings) {
    return of(network, state, settings, Optional.empty());
  }

  /** As {@link #of(Network, State, Settings)}, with a teacher for {@code teach_step}. */
  public static TorchScriptModule of(
      Network network, State state, Settings settings, Optional<TeacherNetwork> teacher) {
    return of(network, state, settings, teacher, Optional.empty());
  }

  /**
   * The same of a low-rank update of {@code base}, if there is one: then it is what the state has,
   * what is trained and averaged, in place of the network's weights. {@code merge() -> Tensor}
   * makes the weights of the update; it has to run once before the first step.
   */
  public static TorchScriptModule of(
      Network network,
      State state,
      Settings settings,
      Optional<TeacherNetwork> teacher,
      Optional<LowRank.Base> base) {
    teacher.ifPresent(t -> requireSameConditions(network.graph(), t.network().graph()));
    Optional<FeatureLoss> feature = featureLoss(network, settings, teacher);
    Optional<Guidance> guidance = guidance(settings, teacher);
    NetworkForm form = form(network, settings);
    List<Weight> averaged =
        base.map(shared -> shared.update().weights()).orElseGet(network::weights);
    List<Weight> adaptors = feature.map(FeatureLoss::adaptors).orElse(List.of());
    List<Weight> trained = joined(averaged, adaptors);
    Map<String, Attribute> attributes =
        WeightTensors.attributes(
            trained, "", state.weights(), "The set of weights", form, Parameter::new);
    attributes.putAll(
        WeightTensors.attributes(
            averaged, "ema__", state.ema(), "The moving average", form, Buffer::new));
    attributes.putAll(
        WeightTensors.attributes(
            trained, "exp_avg__", state.expAvg(), "Adam's first moment", form, Buffer::new));
    attributes.putAll(
        WeightTensors.attributes(
            trained, "exp_avg_sq__", state.expAvgSq(), "Adam's second moment", form, Buffer::new));

    settings.common().ifPresent(c -> attributes.put(COMMON, new Buffer(table(c))));
    settings.weights().ifPresent(w -> attributes.put(WEIGHTS, new Buffer(table(w))));

    String methods =
        lists(trained, "weights", "")
            + lists(averaged, "averaged", "")
            + lists(averaged, "ema", "ema__")
            + lists(trained, "exp_avg", "exp_avg__")
            + lists(trained, "exp_avg_sq", "exp_avg_sq__")
            + feature.map(FeatureLoss::methods).orElse("")
            + backpropagate(network, settings, feature, base.isPresent())
            + update(network, settings, base.isPresent())
            + (feature.isPresent() || guidance.isPresent()
                ? "" // nobody to compare features with, or to ask twice
                : step(Target.NONE, network, settings, Optional.empty())
                    + step(Target.INPUT, network, settings, Optional.empty()));
    if (base.isPresent()) {
      attributes.putAll(
          network.attributes("", base.get().weights(), "The base", form, Parameter::new));
      attributes.putAll(
          network.attributes("base__", base.get().weights(), "The base", form, Buffer::new));
      methods +=
          lists(network.weights(), "reached", "")
              + lists(joined(network.weights(), adaptors), "compared", "")
              + lowRank(network, base.get().update(), adaptors.size());
    }
    if (teacher.isPresent()) {
      attributes.put("teacher", new Submodule(teacherModule(teacher.get(), settings)));
      methods += step(Target.SUBMODULE, network, settings, guidance);
    }
    return new TorchScriptModule("Training", methods, attributes);
  }

  private static List<Weight> joined(List<Weight> first, List<Weight> second) {
    List<Weight> both = new ArrayList<>(first);
    both.addAll(second);
    return both;
  }

  // With W = base + B A, the gradients by A and B are Bᵀ G and G Aᵀ, G the one by W.
  private static String lowRank(Network network, LowRank update, int adaptors) {
    StringBuilder gradients =
        new StringBuilder(
            "def low_rank(self, grads: List[Tensor]) -> List[Tensor]:\n  result = annotate(List[Tensor], [])\n");
    StringBuilder merge =
        new StringBuilder("def merge(self) -> Tensor:\n  torch.set_grad_enabled(False)\n");
    List<String> names = network.weights().stream().map(Weight::name).toList();
    for (LowRank.Pair pair : update.pairs()) {
      String w = WeightTensors.attribute(pair.updated());
      String a = "self." + WeightTensors.attribute(pair.a());
      String b = "self." + WeightTensors.attribute(pair.b());
      gradients.append(
          """
            g = torch.reshape(grads[%1$d], [%2$d, -1])
            torch.append(result, torch.mm(torch.t(%4$s), g))
            torch.append(result, torch.mm(g, torch.t(%3$s)))
          """
              .formatted(names.indexOf(pair.updated().name()), pair.b().shape().get(0), a, b));
      merge.append(
          "  torch.copy_(self.%1$s, torch.add(self.base__%1$s, torch.reshape(torch.mm(%3$s, %2$s), %4$s)))\n"
              .formatted(w, a, b, pair.updated().shape()));
    }
    for (int i = 0; i < adaptors; i++) {
      gradients.append("  torch.append(result, grads[%d])\n".formatted(names.size() + i));
    }
    return gradients.append("  return result\n").toString()
        + merge
            .append("  torch.set_grad_enabled(True)\n  return self.")
            .append(WeightTensors.attribute(network.weights().get(0)))
            .append("\n");
  }

  private static void requireSameConditions(Graph student, Graph teacher) {
    if (teacher.classes() != student.classes()) {
      throw new IllegalArgumentException(
          "The teacher is conditioned on %d classes, expected the student's %d."
              .formatted(teacher.classes(), student.classes()));
    }
    if (!teacher.told().context().equals(student.told().context())) {
      throw new IllegalArgumentException(
          "The teacher reads %s, expected the student's %s."
              .formatted(texts(teacher.told()), texts(student.told())));
    }
  }

  private static String texts(Graph.Told told) {
    return told.context()
        .map(c -> "texts of %d tokens of width %d".formatted(c.columns(), c.width()))
        .orElse("no texts");
  }

  private static Optional<FeatureLoss> featureLoss(
      Network network, Settings settings, Optional<TeacherNetwork> teacher) {
    if (!settings.feature().wanted()) {
      return Optional.empty();
    }
    return Optional.of(
        new FeatureLoss(
            settings.feature(),
            network,
            teacher
                .map(TeacherNetwork::network)
                .orElseThrow(
                    () ->
                        new FeatureLossException(
                            "students.loss.feature needs a teacher whose network is known, found a TorchScript file."))));
  }

  private static Optional<Guidance> guidance(Settings settings, Optional<TeacherNetwork> teacher) {
    return settings
        .guidance()
        .map(
            scale ->
                new Guidance(
                    scale,
                    teacher
                        .map(t -> t.network().graph())
                        .orElseThrow(
                            () ->
                                new GuidanceException(
                                    "students.loss.guidance needs a teacher whose network is known, found a TorchScript file."))));
  }

  // A row for each t: what multiplies the student's output, x_t, and the teacher's.
  private static HostTensor table(CommonSpace common) {
    int timesteps = common.ofX().length;
    float[] values = new float[3 * timesteps];
    for (int t = 0; t < timesteps; t++) {
      values[3 * t] = (float) common.ofStudent()[t];
      values[3 * t + 1] = (float) common.ofX()[t];
      values[3 * t + 2] = (float) common.ofTeacher()[t];
    }
    return HostTensor.ofFloats(values, timesteps, 3);
  }

  private static HostTensor table(LossWeights weights) {
    float[] values = new float[weights.at().length];
    for (int t = 0; t < values.length; t++) {
      values[t] = (float) weights.at()[t];
    }
    return HostTensor.ofFloats(values, values.length);
  }

  /** Each sample's weight, [N]. */
  private static String weightOfSamples() {
    return "torch.index_select(self.%s, 0, t)".formatted(WEIGHTS);
  }

  /** The mean over samples of what each one's mean squared error counts. */
  private static String meanSquare(Settings settings, String y, String target) {
    return settings.weights().isEmpty()
        ? "torch.mse_loss(%s, %s)".formatted(y, target)
        : "torch.mean(torch.mul(torch.mean(torch.square(torch.sub(%s, %s)), [1, 2, 3]), %s))"
            .formatted(y, target, weightOfSamples());
  }

  /** By y, of share times {@code weight} times that. */
  private static String meanSquareGradient(
      Settings settings, String y, String target, double weight) {
    String gradient =
        "torch.mul(torch.sub(%s, %s), torch.div(torch.mul(share, %s), torch.numel(%s)))"
            .formatted(y, target, 2 * weight, y);
    return settings.weights().isEmpty()
        ? gradient
        : "torch.mul(%s, torch.reshape(%s, [-1, 1, 1, 1]))".formatted(gradient, weightOfSamples());
  }

  /** A column of that table at each sample's t, [N, 1, 1, 1]. */
  private static String column(int column, String t) {
    return "torch.reshape(torch.select(torch.index_select(self.%s, 0, %s), 1, %d), [-1, 1, 1, 1])"
        .formatted(COMMON, t, column);
  }

  // name() for reading, row-major, and name_() for changing, as they lie in memory.
  private static String lists(List<Weight> weights, String name, String prefix) {
    StringBuilder read = new StringBuilder("def " + name + "(self) -> List[Tensor]:\n  return [");
    StringBuilder change =
        new StringBuilder("def " + name + "_(self) -> List[Tensor]:\n  return [");
    for (Weight weight : weights) {
      String tensor = "self." + prefix + WeightTensors.attribute(weight);
      read.append(MemoryFormat.CONTIGUOUS.of(tensor)).append(", ");
      change.append(tensor).append(", ");
    }
    return read.append("]\n").append(change).append("]\n").toString();
  }

  private static TorchScriptModule teacherModule(TeacherNetwork teacher, Settings settings) {
    NetworkForm form = teacher.network().form(settings.form());
    return new TorchScriptModule(
        "Teacher",
        teacher
            .network()
            .featureMethod("eps", form, false, settings.precision(), settings.feature().at()),
        teacher
            .network()
            .attributes("", teacher.weights(), "The teacher's set of weights", form, Buffer::new));
  }

  /** Where a step gets the teacher's eps from. */
  private enum Target {
    NONE("train_step", "", "target = None"),
    INPUT(
        "distill_step",
        "eps_teacher: Tensor, ",
        "target = torch.slice(eps_teacher, 0, low, torch.add(low, size), 1)"),
    SUBMODULE("teach_step", "", "target, features, = (self.teacher).eps(xt_k%s)");

    private final String method;
    private final String argument;
    private final String ask;

    Target(String method, String argument, String ask) {
      this.method = method;
      this.argument = argument;
      this.ask = ask;
    }
  }

  // Returns [loss, diffusion, distillation, feature], the diffusion loss of each sample, and the
  // gradient of share * loss by each weight. features are the teacher's, or none.
  private static String backpropagate(
      Network network, Settings settings, Optional<FeatureLoss> feature, boolean lowRank) {
    NetworkForm form = form(network, settings);
    List<String> places = settings.feature().at();
    String header =
        "def backpropagate(self, x: Tensor%s, noise: Tensor, target: Optional[Tensor], features: List[Tensor], share: float) -> Tuple[Tensor, Tensor, List[Tensor]]:\n"
            .formatted(GraphModule.told(network.graph(), ", %s: Tensor"));
    if (settings.recomputing()) {
      return recomputing(network, settings, feature, header, lowRank);
    }
    String body =
        switch (form) {
          case PORTABLE ->
              """
              eps, own, = (self).eps(%s)
              trained = (self).%s_()
              %s
              %s\
              gradients = annotate(List[Tensor], [])
              for g in torch.grad([torch.mul(loss, share)], trained):
                if g is not None:
                  torch.append(gradients, %s)
              """
                  .formatted(
                      GraphModule.arguments(network.graph()),
                      lowRank ? "reached" : "averaged",
                      losses(settings, ""),
                      feature.map(f -> featureLossByAutograd(f, lowRank)).orElse(""),
                      MemoryFormat.CONTIGUOUS.of("g"));
          case CPU ->
              "torch.set_grad_enabled(False)\n"
                  + network.gradientLines(
                      settings.precision(),
                      """
                      g_eps = %s
                      %s
                      %s"""
                          .formatted(
                              meanSquareGradient(
                                  settings, "eps", "noise", settings.diffusionWeight()),
                              losses(settings, taughtGradient(settings)),
                              feature.map(f -> featureLossByHand(network, f)).orElse("")),
                      places)
                  + feature.map(TrainingModule::adaptorGradients).orElse("")
                  + "torch.set_grad_enabled(True)\n";
        };
    String eps =
        form == NetworkForm.PORTABLE
            ? network.featureMethod("eps", NetworkForm.PORTABLE, true, settings.precision(), places)
            : "";
    return eps + header + (body + FIGURES).indent(2);
  }

  private static final String FIGURES =
      """
      error = torch.sub(torch.detach(eps), noise)
      samples = torch.mean(torch.mul(error, error), [1, 2, 3])
      losses = torch.stack([loss, diffusion, distillation, feature])
      return (torch.detach(losses), samples, gradients)
      """;

  // Activations that are computed a second time have gradients by autograd.
  private static NetworkForm form(Network network, Settings settings) {
    return settings.recomputing() ? NetworkForm.PORTABLE : network.form(settings.form());
  }

  private static String recomputing(
      Network network,
      Settings settings,
      Optional<FeatureLoss> feature,
      String header,
      boolean lowRank) {
    Graph graph = network.graph();
    List<Value> read = new ArrayList<>(List.of(graph.eps())); // by the losses
    settings.feature().at().stream()
        .map(graph.features()::get)
        .filter(value -> !read.contains(value))
        .forEach(read::add);
    Recomputation recomputation = new Recomputation(graph, settings.precision(), read);
    StringBuilder leaves = new StringBuilder("leaves = annotate(List[Tensor], [])\n");
    Map<Value, String> gradients = new HashMap<>();
    for (int i = 0; i < read.size(); i++) {
      leaves.append("%s = %s\n".formatted(read.get(i).name(), Recomputation.leaf(read.get(i))));
      leaves.append("torch.append(leaves, %s)\n".formatted(read.get(i).name()));
      gradients.put(read.get(i), "g_read[%d]".formatted(i));
    }
    return recomputation.methods()
        + header
        + """
            torch.set_grad_enabled(False)
            %1$s\
            torch.set_grad_enabled(True)
            %2$s\
            eps = %3$s
            own = %4$s
            %5$s
            trained = annotate(List[Tensor], [])
            %6$s\
            adaptors = torch.slice(trained, %7$d, None, 1)
            torch.extend(leaves, adaptors)
            g_read = annotate(List[Tensor], [])
            of_leaves = torch.grad([torch.mul(loss, share)], leaves, None, None, False, True)
            for i in range(torch.len(leaves)):
              g = of_leaves[i]
              if g is not None:
                torch.append(g_read, g)
              else:
                torch.append(g_read, torch.zeros_like(leaves[i]))
            g_adaptors = torch.slice(g_read, %8$d, None, 1)
            %9$s\
            for g in g_adaptors:
              torch.append(gradients, %10$s)
            """
            .formatted(
                recomputation.forward(),
                leaves,
                recomputation.float32(graph.eps()),
                network.featureList(settings.feature().at()),
                losses(settings, ""),
                feature.map(f -> featureLossByAutograd(f, lowRank)).orElse(""),
                network.weights().size(),
                read.size(),
                recomputation.backward(gradients),
                MemoryFormat.CONTIGUOUS.of("g"))
            .indent(2)
        + FIGURES.indent(2);
  }

  private static String taughtGradient(Settings settings) {
    String gradient =
        meanSquareGradient(
            settings,
            settings.common().isPresent() ? "compared" : "eps",
            "target",
            settings.distillationWeight());
    return "\n  g_eps = torch.add(g_eps, %s)"
        .formatted(
            settings.common().isPresent()
                ? "torch.mul(%s, of_student)".formatted(gradient)
                : gradient);
  }

  private static String losses(Settings settings, String whenTaught) {
    boolean converts = settings.common().isPresent();
    String compared =
        converts
            ? "of_student = %s\n  compared = torch.mul(eps, of_student)\n  "
                .formatted(column(0, "t"))
            : "";
    return """
        diffusion = %6$s
        loss = torch.mul(diffusion, %1$s)
        distillation = torch.zeros_like(torch.detach(diffusion))
        feature = distillation
        if target is not None:
          %4$sdistillation = %5$s
          loss = torch.add(loss, torch.mul(distillation, %2$s))%3$s"""
        .formatted(
            settings.diffusionWeight(),
            settings.distillationWeight(),
            whenTaught,
            compared,
            meanSquare(settings, converts ? "compared" : "eps", "target"),
            meanSquare(settings, "eps", "noise"));
  }

  private static String featureLossByAutograd(FeatureLoss feature, boolean lowRank) {
    return """
        if torch.gt(torch.len(features), 0):
          trained = (self).%s_()
          feature = (self).feature_loss(own, features)
          loss = torch.add(loss, torch.mul(feature, %s))
        """
        .formatted(lowRank ? "compared" : "weights", feature.weight());
  }

  // The gradients by the student's features join those that come down from eps.
  private static String featureLossByHand(Network network, FeatureLoss feature) {
    StringBuilder text =
        new StringBuilder(
            """
            feature, g_features, = (self).feature_gradients(%s, features, share)
            loss = torch.add(loss, torch.mul(feature, %s))
            """
                .formatted(network.featureList(feature.places()), feature.weight()));
    for (int i = 0; i < feature.places().size(); i++) {
      text.append(
          "g_feature_%d = %s\n"
              .formatted(i, MemoryFormat.CHANNELS_LAST.of("g_features[%d]".formatted(i))));
    }
    return text.toString();
  }

  private static String adaptorGradients(FeatureLoss feature) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < feature.adaptors().size(); i++) {
      text.append(
          "  torch.append(gradients, %s)\n"
              .formatted(
                  MemoryFormat.CONTIGUOUS.of(
                      "g_features[%d]".formatted(feature.places().size() + i))));
    }
    return text.isEmpty()
        ? ""
        : text.insert(0, "if torch.gt(torch.len(features), 0):\n").toString();
  }

  // The gradients of equal parts of the batch, each of the part's mean loss over the number of
  // parts, sum up to the gradient of the batch's mean loss. What a part keeps for its backward pass
  // is freed before the next part begins. hyper and counters are read first: on a CUDA device
  // each reading waits for it, and at this moment it has nothing to do.
  private static String step(
      Target target, Network network, Settings settings, Optional<Guidance> guidance) {
    Graph graph = network.graph();
    return String.format(
        Locale.ROOT,
        """
        def %1$s(self, xt: Tensor, noise: Tensor, %6$s%2$shyper: Tensor, counters: Tensor) -> Tensor:
          torch.manual_seed(int(counters[1]))
          lr = float(hyper[0])
          ema_decay = float(hyper[1])
          size = torch.floordiv(torch.size(xt, 0), %3$d)
          grads = annotate(List[Tensor], [])
          samples = annotate(List[Tensor], [])
          features = annotate(List[Tensor], [])
          losses = torch.zeros([4], dtype=%10$d, layout=None, device=ops.prim.device(xt), pin_memory=None)
          for k in range(%3$d):
            low = torch.mul(k, size)
            xt_k = torch.slice(xt, 0, low, torch.add(low, size), 1)
            noise_k = torch.slice(noise, 0, low, torch.add(low, size), 1)
        %7$s\
            torch.set_grad_enabled(False)
            %4$s
        %9$s\
            torch.set_grad_enabled(True)
            losses_k, samples_k, grads_k, = (self).backpropagate(xt_k%8$s, noise_k, target, features, %5$s)
            losses = torch.add(losses, torch.div(losses_k, %3$d))
            torch.append(samples, samples_k)
            if torch.eq(k, 0):
              torch.extend(grads, grads_k)
            else:
              torch._foreach_add_(grads, grads_k)
          return (self).update(losses, torch.cat(samples, 0), grads, lr, ema_decay, %11$s)
        """,
        target.method,
        guidance.map(Guidance::parameter).orElse(target.argument),
        settings.accumulationSteps(),
        target.ask.formatted(GraphModule.told(graph, ", %s_k")),
        1.0 / settings.accumulationSteps(),
        GraphModule.told(graph, "%s: Tensor, "),
        GraphModule.told(
            graph, "    %1$s_k = torch.slice(%1$s, 0, low, torch.add(low, size), 1)\n"),
        GraphModule.told(graph, ", %s_k"),
        (guidance.map(Guidance::lines).orElse("")
                + (target == Target.NONE || settings.common().isEmpty()
                    ? ""
                    : "target = torch.add(torch.mul(xt_k, %s), torch.mul(target, %s))\n"
                        .formatted(column(1, "t_k"), column(2, "t_k"))))
            .indent(4),
        ScalarType.FLOAT.number(),
        ScalarType.FLOAT.of("counters[0]"));
  }

  // The CPU's fused Adam walks through memory without looking at strides: each gradient lies as its
  // weight does.
  private static String update(Network network, Settings settings, boolean lowRank) {
    String adam = settings.weightDecay() > 0 ? "_fused_adamw_" : "_fused_adam_";
    return String.format(
        Locale.ROOT,
        """
        def gradients(self, xt: Tensor, noise: Tensor%7$s) -> List[Tensor]:
          losses, samples, grads, = (self).backpropagate(xt%8$s, noise, None, annotate(List[Tensor], []), 1.)
          return grads
        def state_norms(self) -> Tensor:
          torch.set_grad_enabled(False)
          norms = annotate(List[Tensor], [])
          for tensors in [(self).weights_(), (self).ema_(), (self).exp_avg_(), (self).exp_avg_sq_()]:
            torch.append(norms, torch.linalg_vector_norm(torch.stack(torch._foreach_norm(tensors))))
          torch.set_grad_enabled(True)
          return %9$s
        def update(self, losses: Tensor, samples: Tensor, grads: List[Tensor], lr: float, ema_decay: float, step: Tensor) -> Tensor:
          torch.set_grad_enabled(False)
        %11$s\
          norm = torch.linalg_vector_norm(torch.stack(torch._foreach_norm(grads)))
          torch._foreach_mul_(grads, torch.clamp(torch.mul(torch.reciprocal(torch.add(norm, 1e-06)), %1$s), None, 1.))
          params = (self).weights_()
          steps = annotate(List[Tensor], [])
          for i in range(torch.len(params)):
            torch.append(steps, step)
          torch.%2$s(params, grads, (self).exp_avg_(), (self).exp_avg_sq_(), annotate(List[Tensor], []), steps, lr=lr, beta1=%3$s, beta2=%4$s, weight_decay=%5$s, eps=%6$s, amsgrad=False, maximize=False)
          torch._foreach_lerp_((self).ema_(), (self).averaged_(), torch.sub(1., ema_decay))
        %12$s\
          torch.set_grad_enabled(True)
          figures = [torch.slice(losses, 0, 0, 3, 1), torch.unsqueeze(norm, 0), torch.slice(losses, 0, 3, 4, 1), samples]
          return %10$s
        """,
        settings.clipNorm(),
        adam,
        BETA1,
        settings.beta2(),
        settings.weightDecay(),
        ADAM_EPS,
        GraphModule.told(network.graph(), ", %s: Tensor"),
        GraphModule.told(network.graph(), ", %s"),
        ScalarType.DOUBLE.of("torch.stack(norms)"),
        ScalarType.DOUBLE.of("torch.cat(figures, 0)"),
        lowRank ? "  grads = (self).low_rank(grads)\n" : "",
        lowRank ? "  merged = (self).merge()\n" : "");
  }
}
