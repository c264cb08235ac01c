package dev.atelier.spec;

import dev.atelier.spec.NetworkSpec.CrossAttentionSpec;
import dev.atelier.spec.NetworkSpec.LatentsSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a spec must meet because of what networks see in place of pixels, and of what they are told
 * beside the timestep: classes or texts.
 */
public final class ConditionRules {

  private final ExperimentSpec spec;
  private final Optional<NetworkSpec> teacher; // absent: not known yet
  private final Map<String, NetworkSpec> students = new LinkedHashMap<>(); // by their fields
  private final List<SpecFault> faults = new ArrayList<>();

  private ConditionRules(ExperimentSpec spec, Optional<NetworkSpec> teacher) {
    this.spec = spec;
    this.teacher = teacher;
    students.put("students.network", spec.students().network());
    List<StudentsSpec.StudentOverride> overrides = spec.students().overrides();
    for (int i = 0; i < overrides.size(); i++) {
      String field = "students.overrides[%d].network".formatted(i);
      overrides.get(i).network().ifPresent(network -> students.put(field, network));
    }
  }

  /** Every breach that shows at launch, where an imported teacher's network is not known. */
  static List<SpecFault> of(ExperimentSpec spec) {
    return new ConditionRules(
            spec,
            spec.teacher().source().isPresent()
                ? Optional.empty()
                : Optional.of(spec.teacher().network()))
        .check();
  }

  /** Every breach where the teacher has the network {@code teacher}. */
  public static List<SpecFault> of(ExperimentSpec spec, NetworkSpec teacher) {
    return new ConditionRules(spec, Optional.of(teacher)).check();
  }

  private List<SpecFault> check() {
    students.forEach(
        (field, network) -> {
          texts(field, network);
          latents(field, network);
        });
    teacher.ifPresent(this::teacher);
    parts();
    guidance();
    if (spec.evaluation().prompts().isPresent() && spec.dataset().captions().isEmpty()) {
      fault("evaluation.prompts", "is for networks that read texts: expected dataset.captions.");
    }
    return List.copyOf(faults);
  }

  private void texts(String field, NetworkSpec network) {
    boolean captions = spec.dataset().captions().isPresent();
    if (network.crossAttention().isPresent() && !captions) {
      fault("dataset.captions", "is needed, as %s reads texts: expected {}.".formatted(field));
    } else if (network.crossAttention().isEmpty() && captions) {
      fault(
          field + ".crossAttention",
          "is needed, as dataset.captions has networks read texts: expected cross-attention of the teacher's width and tokens.");
    }
  }

  private void latents(String field, NetworkSpec network) {
    if (network.latents().isPresent() && spec.evaluation().sampler().clip()) {
      fault(
          "evaluation.sampler.clip",
          "must be false, as %s works on latents, which have no bounds.".formatted(field));
    }
  }

  /** Students see and read what their teacher does. */
  private void teacher(NetworkSpec network) {
    if (network.crossAttention().isPresent() && spec.dataset().captions().isEmpty()) {
      fault("dataset.captions", "is needed, as the teacher reads texts: expected {}.");
    }
    students.forEach(
        (field, student) -> {
          if (!student.latents().equals(network.latents())) {
            fault(
                field + ".latents",
                "must be those of the teacher, %s, found %s."
                    .formatted(shown(network.latents()), shown(student.latents())));
          }
          if (!read(student).equals(read(network))) {
            fault(
                field + ".crossAttention",
                "must read what the teacher does, %s, found %s."
                    .formatted(read(network), read(student)));
          }
        });
  }

  private static String shown(Optional<LatentsSpec> latents) {
    return latents
        .map(l -> "%d channels at 1/%d".formatted(l.channels(), l.reduction()))
        .orElse("pixels");
  }

  private static String read(NetworkSpec network) {
    return network
        .crossAttention()
        .map(text -> "%d tokens of width %d".formatted(text.tokens(), text.width()))
        .orElse("no texts");
  }

  private void parts() {
    TeacherSpec wanted = spec.teacher();
    NetworkSpec network = wanted.network();
    boolean needed = network.latents().isPresent() || network.crossAttention().isPresent();
    String field = "teacher.partsFrom";
    if (wanted.source().isPresent()) {
      if (wanted.partsFrom().isPresent()) {
        fault(
            field,
            "is for a teacher that is trained here: the parts of an imported one come with it.");
      }
      return;
    }
    if (wanted.partsFrom().isEmpty()) {
      if (needed) {
        fault(
            field,
            "is needed, as teacher.network %s: expected the source of a pipeline%s."
                .formatted(
                    network.latents().isPresent() ? "works on latents" : "reads texts",
                    network.latents().isPresent() ? "" : " or random-clip"));
      }
    } else if (!needed) {
      fault(
          field,
          "is for networks that work on latents or read texts, which teacher.network doesn't.");
    } else if (wanted.partsFrom().get().equals(TeacherSpec.RANDOM_CLIP)) {
      randomClip(field, network);
    }
  }

  private void randomClip(String field, NetworkSpec network) {
    if (network.latents().isPresent()) {
      fault(field, "must be the source of a pipeline: random-clip has no autoencoder.");
    }
    CrossAttentionSpec own =
        new CrossAttentionSpec(
            TeacherSpec.RANDOM_CLIP_WIDTH, TeacherSpec.RANDOM_CLIP_TOKENS, Optional.empty(), false);
    network
        .crossAttention()
        .filter(text -> !text.width().equals(own.width()) || !text.tokens().equals(own.tokens()))
        .ifPresent(
            text ->
                fault(
                    "teacher.network.crossAttention",
                    "must have the %d tokens of width %d of random-clip, found %d of width %d."
                        .formatted(own.tokens(), own.width(), text.tokens(), text.width())));
  }

  /** What leads predictions on needs predictions without a class or text. */
  private void guidance() {
    boolean distilled = spec.students().loss().guidance().isPresent();
    if (spec.evaluation().guidance().isPresent()) {
      teacher.ifPresent(network -> guided("evaluation.guidance", "the teacher's network", network));
      if (!distilled) {
        students.forEach((field, network) -> guided("evaluation.guidance", field, network));
      }
    }
    if (distilled) {
      teacher.ifPresent(
          network -> guided("students.loss.guidance", "the teacher's network", network));
      students.forEach((field, network) -> guided("students.loss.guidance", field, network));
    }
    if (spec.students().training().conditioningDropout().isPresent()) {
      students.forEach(
          (field, network) -> guided("students.training.conditioningDropout", field, network));
    }
    if (spec.teacher().source().isEmpty()
        && spec.teacher().training().conditioningDropout().isPresent()) {
      guided("teacher.training.conditioningDropout", "teacher.network", spec.teacher().network());
    }
  }

  private void guided(String field, String whose, NetworkSpec network) {
    if (network.crossAttention().isPresent()) {
      return;
    }
    if (!spec.dataset().classConditional()) {
      fault(field, "is for networks of classes or texts: %s has neither.".formatted(whose));
    } else if (network.transformer().isEmpty()) {
      fault(
          field,
          "needs a class that stands for none, which transformers have: %s is a U-Net of classes."
              .formatted(whose));
    }
  }

  private void fault(String field, String message) {
    SpecFault fault = new SpecFault(field, message);
    if (faults.stream().noneMatch(known -> known.field().equals(field))) {
      faults.add(fault);
    }
  }
}
