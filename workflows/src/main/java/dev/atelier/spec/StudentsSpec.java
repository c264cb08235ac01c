package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.soabase.recordbuilder.core.RecordBuilder;
import jakarta.validation.Valid;
import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import java.util.List;
import java.util.Optional;

/** The specialists: student i (1-based) owns the i-th range of timesteps, counted from t = 0. */
@RecordBuilder
public record StudentsSpec(
    @JsonPropertyDescription("N, the number of students") @NotNull @Min(1) @Max(500) Integer count,
    @JsonPropertyDescription("Architecture of each student") @NotNull @Valid NetworkSpec network,
    @JsonPropertyDescription("How each student is trained") @NotNull @Valid TrainingSpec training,
    @JsonPropertyDescription("How [0, T) is cut into one range per student") @NotNull @Valid
        AssignmentSpec assignment,
    @JsonPropertyDescription(
            "p: a sample's t is uniform over the student's own range with probability p, else over [0, T)")
        @NotNull
        @DecimalMin("0")
        @DecimalMax("1")
        Double specificProbability,
    @JsonPropertyDescription("Weights of the loss") @NotNull @Valid LossSpec loss,
    @JsonPropertyDescription("Training settings of single students that differ") @NotNull
        List<@NotNull @Valid StudentOverride> overrides,
    @JsonPropertyDescription("Also train one student of the same size and steps over [0, T)")
        @NotNull
        Boolean oneToOneBaseline,
    @JsonPropertyDescription(
            "Draw t in pairs (t, low + high - 1 - t), mirrored in the range that the pair is drawn from")
        @NotNull
        Boolean antithetic,
    @JsonPropertyDescription(
            "Weights that every student starts from: random, teacher-magnitude or teacher-taylor (channels of the teacher, pruned to the student's widths), teacher-blocks (the blocks of the teacher that the student has too), or one-to-one (a student of [0, T) that is trained first)")
        @NotNull
        StartFrom startFrom,
    @JsonPropertyDescription(
            "What draws its range by p: sample (each sample for itself), or batch (the whole batch together)")
        @NotNull
        RangeDraw rangeDraw,
    @JsonPropertyDescription(
            "What students have in common: nothing (separate), or a one-to-one student of which each has a low-rank update of its own (lora, Hu et al. 2022); absent: separate")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT) // equal specs of earlier versions stay equal
        Optional<Sharing> sharing,
    @JsonPropertyDescription("Rank of each update of lora; absent: 8")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@Min(1) @Max(1024) Integer> rank) {

  /** What the students of an experiment have in common. */
  public enum Sharing {
    @JsonProperty("separate")
    SEPARATE,
    @JsonProperty("lora")
    LORA // Hu et al. 2022
  }

  private static final int USUAL_RANK = 8;

  /** What draws between the student's own range and [0, T). */
  public enum RangeDraw {
    @JsonProperty("sample")
    SAMPLE, // the paper
    @JsonProperty("batch")
    BATCH // DeMe's public code
  }

  /** The weights that a student starts from. */
  public enum StartFrom {
    @JsonProperty("random")
    RANDOM,
    @JsonProperty("teacher-magnitude")
    TEACHER_MAGNITUDE, // Li et al. 2017
    @JsonProperty("teacher-taylor")
    TEACHER_TAYLOR, // Molchanov et al. 2019; Fang et al. 2023
    @JsonProperty("one-to-one")
    ONE_TO_ONE, // warm start
    @JsonProperty("teacher-blocks")
    TEACHER_BLOCKS; // Kim et al. 2023 (BK-SDM)

    /** Whether it prunes the teacher. */
    public boolean prunes() {
      return this == TEACHER_MAGNITUDE || this == TEACHER_TAYLOR;
    }

    /** Whether the weights are some of the teacher's. */
    public boolean isTeachers() {
      return prunes() || this == TEACHER_BLOCKS;
    }
  }

  /** The model that owns a range. */
  public enum Owner {
    @JsonProperty("student")
    STUDENT,
    @JsonProperty("teacher")
    TEACHER // as it is: nothing is trained for the range
  }

  /** Settings of one student that differ from the common ones. */
  public record StudentOverride(
      @JsonPropertyDescription("Number of the student, from 1") @NotNull @Min(1) Integer student,
      @JsonPropertyDescription("Settings that differ") @NotNull @Valid TrainingOverrides training,
      @JsonPropertyDescription("Architecture of this student; absent: that of the others") @NotNull
          Optional<@Valid NetworkSpec> network,
      @JsonPropertyDescription("What owns its range: student, or teacher (nothing is trained then)")
          @NotNull
          Owner model) {

    /** Of its training alone. */
    public StudentOverride(Integer student, TrainingOverrides training) {
      this(student, training, Optional.empty(), null);
    }

    public StudentOverride {
      training = training == null ? TrainingOverrides.NONE : training;
      network = network == null ? Optional.empty() : network;
      model = model == null ? Owner.STUDENT : model;
    }
  }

  public StudentsSpec {
    count = count == null ? 4 : count;
    network = network == null ? NetworkSpec.ofWidth(96) : network;
    training = training == null ? TrainingSpec.DEFAULTS : training;
    assignment = assignment == null ? new AssignmentSpec(null, null, null) : assignment;
    specificProbability = specificProbability == null ? 0.8 : specificProbability;
    loss = loss == null ? new LossSpec(null, null) : loss;
    overrides = overrides == null ? List.of() : List.copyOf(overrides);
    oneToOneBaseline = oneToOneBaseline == null ? Boolean.FALSE : oneToOneBaseline;
    antithetic = antithetic == null ? Boolean.FALSE : antithetic;
    startFrom = startFrom == null ? StartFrom.RANDOM : startFrom;
    rangeDraw = rangeDraw == null ? RangeDraw.SAMPLE : rangeDraw;
    sharing = sharing == null ? Optional.empty() : sharing.filter(s -> s != Sharing.SEPARATE);
    rank = rank == null ? Optional.empty() : rank;
    if (sharing.isPresent() && startFrom == StartFrom.RANDOM) {
      startFrom = StartFrom.ONE_TO_ONE; // what is shared is trained first
    }
  }

  /** The rank of each student's update of the shared one; empty: students share nothing. */
  public Optional<Integer> loraRank() {
    return sharing.map(lora -> rank.orElse(USUAL_RANK));
  }

  /** The settings of one student, as if all were like it. */
  public StudentsSpec designOf(int student) {
    return StudentsSpecBuilder.builder(this)
        .network(networkOf(student))
        .training(overridesOf(student).applyTo(training))
        .overrides(List.of())
        .build();
  }

  /** The same, of students that share nothing, with other weights to start from. */
  public StudentsSpec startingFrom(StartFrom other) {
    return StudentsSpecBuilder.builder(this)
        .startFrom(other)
        .sharing(Optional.empty())
        .rank(Optional.empty())
        .build();
  }

  /** The architecture of one student. */
  public NetworkSpec networkOf(int student) {
    return overrides.stream()
        .filter(o -> o.student() == student)
        .flatMap(o -> o.network().stream())
        .findFirst()
        .orElse(network);
  }

  /** Whether the teacher itself owns the range of {@code student}. */
  public boolean ownedByTeacher(int student) {
    return overrides.stream().anyMatch(o -> o.student() == student && o.model() == Owner.TEACHER);
  }

  /** Whether a student of [0, T) is trained: as the baseline, as the others' start, or both. */
  public boolean trainsOneToOne() {
    return oneToOneBaseline || startFrom == StartFrom.ONE_TO_ONE;
  }

  /** The overrides that the spec names for one student, or none. */
  public TrainingOverrides overridesOf(int student) {
    return overrides.stream()
        .filter(o -> o.student() == student)
        .map(StudentOverride::training)
        .reduce(TrainingOverrides.NONE, TrainingOverrides::then);
  }
}
