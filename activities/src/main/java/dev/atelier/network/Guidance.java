package dev.atelier.network;

import dev.atelier.graph.Graph;
import dev.atelier.graph.Operation;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A frozen teacher's prediction, led on from the one without a text or class, as TorchScript:
 * without + w (with − without). Ho & Salimans 2022, eq. 6, as diffusers counts w.
 *
 * <p>A network of texts is asked without by the embedding of the empty text, whatever the class;
 * one of classes alone by the row of its table that follows those of the classes.
 *
 * @param scale w
 * @param teacher what is asked
 */
record Guidance(double scale, Graph teacher) {

  /** The argument of {@code teach_step} after the conditions: that embedding, [1, L, D]. */
  private static final String WITHOUT = "without";

  /**
   * @throws GuidanceException if the teacher can't be asked without
   */
  Guidance {
    if (!ofTexts(teacher) && !knowsNoClass(teacher)) {
      throw new GuidanceException(
          "students.loss.guidance needs a teacher that can be asked without a text or a class, found one that %s."
              .formatted(
                  teacher.classes() > 0
                      ? "has no class for none, as only transformers have"
                      : "is told neither"));
    }
  }

  private static boolean ofTexts(Graph graph) {
    return graph.told().context().isPresent();
  }

  private static boolean knowsNoClass(Graph graph) {
    List<Operation.AddClass> tables = graph.all(Operation.AddClass.class);
    return !tables.isEmpty() && tables.stream().allMatch(o -> o.classes() > graph.classes());
  }

  /** The typed argument, or nothing. */
  String parameter() {
    return ofTexts(teacher) ? WITHOUT + ": Tensor, " : "";
  }

  /**
   * Lines that lead {@code target}, the prediction of a part's {@code xt_k}, on. A second pass in
   * place of one of a doubled batch: half the memory, and 0.84 of its time (32 images of 16×16 and
   * 32 channels, 8 of 32×32 and 64; 1.07 for 8 of the smaller; CPU time of one thread, medians of
   * ten in turns).
   */
  String lines() {
    String none =
        ofTexts(teacher)
            ? "torch.expand(%s, [torch.size(xt_k, 0), -1, -1])".formatted(WITHOUT)
            : "torch.full_like(y_k, %d)".formatted(teacher.classes());
    List<String> names = teacher.told().names();
    String others = // the class or text is the last
        names.subList(0, names.size() - 1).stream()
            .map(", %s_k"::formatted)
            .collect(Collectors.joining());
    return String.format(
        Locale.ROOT,
        """
        none = %s
        unled, unread, = (self.teacher).eps(xt_k%s, none)
        target = torch.add(unled, torch.mul(torch.sub(target, unled), %s))
        """,
        none,
        others,
        scale);
  }
}
