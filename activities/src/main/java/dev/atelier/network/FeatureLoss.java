package dev.atelier.network;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.graph.Initialiser.Constant;
import dev.atelier.graph.Initialiser.Identity;
import dev.atelier.graph.Initialiser.KaimingUniform;
import dev.atelier.graph.Value;
import dev.atelier.graph.Weight;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.ScalarType;
import dev.atelier.spec.FeatureLossSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The loss between features of a student and its teacher at chosen places, as TorchScript: the mean
 * over the places of one of
 *
 * <ul>
 *   <li>hint: mean over all elements of (A f_S − f_T)², A a learned 1×1 convolution to the
 *       teacher's width. Romero et al. 2015, eq. 3.
 *   <li>relational-sample: mean over the B×B pairs of samples of (cos_S − cos_T)², cos the cosine
 *       similarity of their flattened features. After Tung and Mori 2019.
 *   <li>relational-spatial: mean over samples and the HW×HW pairs of pixels of (cos_S − cos_T)²,
 *       cos the cosine similarity of their channel vectors. Liu et al. 2019, pair-wise
 *       distillation.
 *   <li>relational-gram: the Frobenius norm of R_S − R_T over all samples, not squared and no mean,
 *       R the HW×HW Gram matrix of a sample's channel vectors with each row divided by its L2 norm.
 *       As the public code of DeMe (arXiv 2410.06664) has it; its columns are our rows.
 *   <li>attention: mean over samples and pixels of (q_S − q_T)², q the mean over channels of f²,
 *       flattened and divided by its L2 norm. Zagoruyko and Komodakis 2017, section 3.1.
 * </ul>
 *
 * <p>All of it is float32. Only hint learns something: its adaptors are trained with the student
 * and belong to no network.
 */
public final class FeatureLoss {

  private static final String ADAPTOR = "feature_adaptor.";
  private static final double EPS = 1e-12; // least norm that is divided by

  private final FeatureLossSpec spec;
  private final List<Weight> adaptors = new ArrayList<>(); // weight and bias of each place

  /**
   * Checks that both networks have the places, with equal resolutions.
   *
   * @throws FeatureLossException if they don't
   */
  public FeatureLoss(FeatureLossSpec spec, Network student, Network teacher) {
    this.spec = spec;
    for (String place : spec.at()) {
      Value own = feature(student, place, "student");
      Value taught = feature(teacher, place, "teacher");
      if (own.side() != taught.side()) {
        throw new FeatureLossException(
            "students.loss.feature.at needs places of equal resolution, found %d for the student's %s and %d for the teacher's."
                .formatted(own.side(), place, taught.side()));
      }
      if (spec.kind() == FeatureLossSpec.Kind.HINT) {
        boolean identity = spec.projection() == FeatureLossSpec.Projection.IDENTITY;
        KaimingUniform random = new KaimingUniform(own.width());
        String name = ADAPTOR + place;
        adaptors.add(
            new Weight(
                name + ".weight",
                List.of((long) taught.width(), (long) own.width(), 1L, 1L),
                identity ? new Identity() : random));
        adaptors.add(
            new Weight(
                name + ".bias",
                List.of((long) taught.width()),
                identity ? new Constant(0) : random));
      }
    }
  }

  private static Value feature(Network network, String place, String whose) {
    Value feature = network.features().get(place);
    if (feature == null) {
      throw new FeatureLossException(
          "students.loss.feature.at names '%s', which the %s's network doesn't have: expected one of %s."
              .formatted(place, whose, network.features().keySet()));
    }
    return feature;
  }

  /** What is learned beside the student's network: nothing, or the adaptors of hint. */
  public List<Weight> adaptors() {
    return List.copyOf(adaptors);
  }

  /** Starting values of the adaptors: a pure function of the seed, apart from the network's. */
  public Map<String, HostTensor> initialise(Network student, SeededRandom random) {
    return WeightTensors.initialise(adaptors, student.weights().size(), random);
  }

  double weight() {
    return spec.weight();
  }

  List<String> places() {
    return spec.at();
  }

  /**
   * {@code feature_loss(student, teacher) -> L} of one [N, C, H, W] per place, with gradients, and
   * {@code feature_gradients(student, teacher, share)}, which returns L and the gradients of share
   * · w_feat · L by each of {@code student} and each adaptor. Without {@code teacher} all are zero.
   */
  String methods() {
    StringBuilder text =
        new StringBuilder(
            "def feature_loss(self, student: List[Tensor], teacher: List[Tensor]) -> Tensor:\n");
    List<String> terms = new ArrayList<>();
    for (int i = 0; i < spec.at().size(); i++) {
      text.append(term(i).indent(2));
      terms.add("loss_" + i);
    }
    text.append("  return torch.mean(torch.stack([%s]))\n".formatted(String.join(", ", terms)));
    return text.append(
            """
            def feature_gradients(self, student: List[Tensor], teacher: List[Tensor], share: float) -> Tuple[Tensor, List[Tensor]]:
              torch.set_grad_enabled(True)
              inputs = annotate(List[Tensor], [])
              gradients = annotate(List[Tensor], [])
              for f in student:
                torch.append(inputs, torch.requires_grad_(torch.detach(f), True))
            %1$s\
              loss = torch.zeros(annotate(List[int], []), dtype=%3$d, layout=None, device=ops.prim.device(inputs[0]), pin_memory=None)
              if torch.gt(torch.len(teacher), 0):
                loss = (self).feature_loss(inputs, teacher)
                for g in torch.grad([torch.mul(loss, torch.mul(share, %2$s))], inputs):
                  if g is not None:
                    torch.append(gradients, g)
              else:
                for f in inputs:
                  torch.append(gradients, torch.zeros_like(f))
              torch.set_grad_enabled(False)
              return (torch.detach(loss), gradients)
            """
                .formatted(adaptorsAppended(), number(weight()), ScalarType.FLOAT.number()))
        .toString();
  }

  private String adaptorsAppended() {
    StringBuilder text = new StringBuilder();
    for (Weight adaptor : adaptors) {
      text.append("  torch.append(inputs, self.%s)\n".formatted(WeightTensors.attribute(adaptor)));
    }
    return text.toString();
  }

  private String term(int i) {
    String inputs = "s = student[%1$d]\nt = teacher[%1$d]\n".formatted(i);
    String distance = "torch.mse_loss(s, t)";
    if (spec.kind() == FeatureLossSpec.Kind.RELATIONAL_GRAM) {
      distance = "torch.linalg_vector_norm(torch.sub(s, t))";
    }
    String result =
        switch (spec.kind()) {
          // Pixels as rows: a 1×1 convolution that knows any layout in memory.
          case HINT ->
              """
              w = torch.flatten(self.%s, 1)
              s = torch.linear(torch.permute(s, [0, 2, 3, 1]), w, self.%s)
              t = torch.permute(t, [0, 2, 3, 1])
              """
                  .formatted(
                      WeightTensors.attribute(adaptors.get(2 * i)),
                      WeightTensors.attribute(adaptors.get(2 * i + 1)));
          case RELATIONAL_SAMPLE ->
              normalised("torch.flatten(%1$s, 1)", 1) // [N, C * H * W]
                  + "s = torch.mm(s, torch.t(s))\nt = torch.mm(t, torch.t(t))\n"; // [N, N]
          case RELATIONAL_SPATIAL ->
              normalised("torch.transpose(torch.flatten(%1$s, 2), 1, 2)", 2) // [N, H * W, C]
                  + """
                  s = torch.bmm(s, torch.transpose(s, 1, 2))
                  t = torch.bmm(t, torch.transpose(t, 1, 2))
                  """; // [N, H * W, H * W]
          case RELATIONAL_GRAM ->
              """
              s = torch.flatten(s, 2)
              t = torch.flatten(t, 2)
              s = torch.bmm(torch.transpose(s, 1, 2), s)
              t = torch.bmm(torch.transpose(t, 1, 2), t)
              """ // [N, H * W, H * W]
                  + normalised("%1$s", 2);
          case ATTENTION ->
              normalised("torch.flatten(torch.mean(torch.mul(%1$s, %1$s), [1]), 1)", 1); // [N, H*W]
          case NONE -> throw new IllegalStateException("Kind none has no loss.");
        };
    return inputs + result + "loss_%d = %s\n".formatted(i, distance);
  }

  /** Lines that make {@code rows} of s and of t, each divided by its length along {@code dim}. */
  private static String normalised(String rows, int dim) {
    StringBuilder text = new StringBuilder();
    for (String f : List.of("s", "t")) {
      text.append("%s = %s\n".formatted(f, rows.formatted(f)));
      text.append(
          "%1$s = torch.div(%1$s, torch.clamp_min(torch.linalg_vector_norm(%1$s, 2, [%2$d], True), %3$s))\n"
              .formatted(f, dim, number(EPS)));
    }
    return text.toString();
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%s", value);
  }
}
