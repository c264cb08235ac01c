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
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** How trained models are compared: what is sampled, and the features it is judged by. */
@RecordBuilder
public record EvaluationSpec(
    @JsonPropertyDescription("Images sampled per subject") @NotNull @Min(2) @Max(1_000_000)
        Integer samples,
    @JsonPropertyDescription("Images sampled at once") @NotNull @Min(1) @Max(65_536)
        Integer batchSize,
    @JsonPropertyDescription("Seed of the noise, the same for every subject") @NotNull Long seed,
    @JsonPropertyDescription("The reverse process") @NotNull @Valid SamplerSpec sampler,
    @JsonPropertyDescription("The network whose features the Fréchet distance compares")
        @NotNull
        @Valid
        ExtractorSpec extractor,
    @JsonPropertyDescription("Rows of the sample grid") @NotNull @Min(1) @Max(32) Integer gridRows,
    @JsonPropertyDescription("Columns of the sample grid") @NotNull @Min(1) @Max(32)
        Integer gridColumns,
    @JsonPropertyDescription(
            "Path or URI of an .npz with mu and sigma to compare with, in place of the dataset's own statistics")
        @NotNull
        Optional<@Size(min = 1, max = 2000) String> reference,
    @JsonPropertyDescription(
            "Images in each subset of the kernel distance; absent: the smaller of 1000 and the images at hand")
        @NotNull
        Optional<@Min(2) @Max(10_000) Integer> kidSubsetSize,
    @JsonPropertyDescription(
            "Images that one worker samples at a time, in whole batches; absent: 5000, or more where that would be over 64 shards")
        @NotNull
        Optional<@Min(1) @Max(20_000) Integer> samplesPerShard,
    @JsonPropertyDescription(
            "Classes of a class-conditional experiment's samples: dataset (as often as in the dataset) or balanced (each in turn)")
        @NotNull
        Classes classes,
    @JsonPropertyDescription(
            "The network that made the reference, where its file does not say so: inception-2015-12-05 or the SHA-256 of a TorchScript file. Without either, no figure is called FID")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT) // equal specs of earlier versions stay equal
        Optional<@Pattern(regexp = INCEPTION + "|[0-9a-f]{64}") String> referenceExtractor,
    @JsonPropertyDescription(
            "What samples show, where texts say it: path or URI of a file with a prompt in each line, or of the annotations of COCO (.json); absent: captions of the dataset. Drawn by the seed")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@Size(min = 1, max = 2000) String> prompts,
    @JsonPropertyDescription(
            "How far predictions are led on from those without class or text (1: they are taken as they are); students distilled with loss.guidance need none. Absent: 1")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@DecimalMin("1") @DecimalMax("100") Double> guidance,
    @JsonPropertyDescription(
            "A CLIP model, for the CLIP score of samples and their prompts and the CLIP distance of samples and dataset (CMMD)")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@Valid ClipSpec> clip) {

  /** A CLIP model that judges samples. */
  public record ClipSpec(
      @JsonPropertyDescription(
              "A folder of a CLIPModel of transformers: the path of a directory, a prefix s3://bucket/prefix/, or a commit of the Hub, hf://OWNER/NAME@COMMIT[/folder]")
          @NotNull
          @Size(min = 1, max = 2000)
          String source) {}

  /** Which classes samples are of. */
  public enum Classes {
    @JsonProperty("dataset")
    DATASET, // as often as in the dataset
    @JsonProperty("balanced")
    BALANCED // each in turn
  }

  /** The network whose Fréchet distance is called FID. */
  public static final String INCEPTION = "inception-2015-12-05";

  /** Most shards of one subject, so that the history of the workflow stays small. */
  public static final int MAX_SHARDS = 64;

  /**
   * Fewest images that can rank candidates of a search, however few features the extractor has: a
   * sixth of them still has a covariance.
   */
  public static final int FEWEST_RANKING_SAMPLES = 64;

  private static final int USUAL_SHARD = 5_000;

  /** Images [first, first + images) of a subject. */
  public record Shard(int first, int images) {}

  /** The reverse process. */
  @RecordBuilder
  public record SamplerSpec(
      @JsonPropertyDescription(
              "The sampling algorithm: ddpm (ancestral), ddim, dpm-solver++ (second-order multistep) heun (second order, two predictions a step) euler (first order), pndm (order 4 of equal steps, after three Runge-Kutta steps), plms (without these) or unipc (second-order multistep, each step corrected by the next prediction)")
          @NotNull
          Kind kind,
      @JsonPropertyDescription("How many of the T timesteps are visited")
          @NotNull
          @Min(1)
          @Max(10_000)
          Integer steps,
      @JsonPropertyDescription(
              "Which timesteps are visited: uniform, quad (denser at small t), trailing (starts at T - 1), linspace (from T - 1 to 0, rounded) or leading (uniform, but for dpm-solver++ and unipc the first of steps + 1; so is their linspace)")
          @NotNull
          Spacing spacing,
      @JsonPropertyDescription("Noise of ddim: 0 deterministic, 1 as DDPM; 0 for other kinds")
          @NotNull
          @DecimalMin("0")
          @DecimalMax("1")
          Double eta,
      @JsonPropertyDescription("Whether the predicted x0 is clipped to [-1, 1] at each step")
          @NotNull
          Boolean clip,
      @JsonPropertyDescription(
              "What is added to the timesteps of uniform and leading: 0, or 1 as Stable Diffusion's folders have it; absent: 0")
          @NotNull
          @JsonInclude(JsonInclude.Include.NON_ABSENT) // equal specs of earlier versions stay equal
          Optional<@Min(0) @Max(1) Integer> stepsOffset,
      @JsonPropertyDescription(
              "The noise that the last step leaves: zero, or sigma-min, that of t = 0 (set_alpha_to_one false in diffusers, or final_sigmas_type); absent: zero")
          @NotNull
          @JsonInclude(JsonInclude.Include.NON_ABSENT)
          Optional<FinalSigma> finalSigma,
      @JsonPropertyDescription(
              "The variance of ddpm: fixed-small, the posterior's, or fixed-large, beta; absent: fixed-small")
          @NotNull
          @JsonInclude(JsonInclude.Include.NON_ABSENT)
          Optional<Variance> variance,
      @JsonPropertyDescription(
              "The deviation of the noise that heun and euler start from: unit, or scheduled, that of the first timestep, as in diffusers with trailing and linspace; absent: unit")
          @NotNull
          @JsonInclude(JsonInclude.Include.NON_ABSENT)
          Optional<InitialNoise> initialNoise) {

    /** The sampling algorithm. */
    public enum Kind {
      @JsonProperty("ddpm")
      DDPM, // ancestral, fixed variance; Ho et al. 2020, eq. 6 and 7
      @JsonProperty("ddim")
      DDIM, // Song et al. 2021, eq. 12
      @JsonProperty("dpm-solver++")
      DPM_SOLVER_PLUS_PLUS, // 2M; Lu et al. 2022, algorithm 2
      @JsonProperty("heun")
      HEUN, // Karras et al. 2022, algorithm 1 without churn
      @JsonProperty("euler")
      EULER, // the same without its correction
      @JsonProperty("pndm")
      PNDM, // Liu et al. 2022, algorithm 2
      @JsonProperty("plms")
      PLMS, // the same without its Runge-Kutta start
      @JsonProperty("unipc")
      UNIPC; // UniPC-2, B_2(h); Zhao et al. 2023, algorithms 5 to 8

      /** Whether its formulas hold for steps of one length alone. */
      public boolean takesEqualSteps() {
        return this == PNDM || this == PLMS;
      }

      /** Whether what diffusers spaces for it is one step more, of which the last is not asked. */
      public boolean leavesTheLastOut() {
        return this == DPM_SOLVER_PLUS_PLUS || this == UNIPC;
      }

      /** Whether it may stop at the noise of t = 0. */
      public boolean hasFinalSigma() {
        return this != DDPM && this != HEUN;
      }

      /** Whether it may start from the noise of its first timestep. */
      public boolean hasInitialNoise() {
        return this == HEUN || this == EULER;
      }
    }

    /** Which of the T timesteps are visited. */
    public enum Spacing {
      @JsonProperty("uniform")
      UNIFORM,
      @JsonProperty("quad")
      QUAD, // denser at small t; Song et al. 2021, appendix D.2
      @JsonProperty("trailing")
      TRAILING, // starts at T - 1; Lin et al. 2024
      @JsonProperty("linspace")
      LINSPACE, // both ends; Lin et al. 2024, table 2
      @JsonProperty("leading")
      LEADING; // as diffusers has it

      /** Whether an offset is added to its timesteps. */
      public boolean takesOffset() {
        return this == UNIFORM || this == LEADING;
      }
    }

    /** The noise that the last step leaves. */
    public enum FinalSigma {
      @JsonProperty("zero")
      ZERO,
      @JsonProperty("sigma-min")
      SIGMA_MIN // that of t = 0
    }

    /** The variance of DDPM's steps. */
    public enum Variance {
      @JsonProperty("fixed-small")
      FIXED_SMALL, // the posterior's
      @JsonProperty("fixed-large")
      FIXED_LARGE // beta_t
    }

    /** The deviation of the noise that a trajectory starts from. */
    public enum InitialNoise {
      @JsonProperty("unit")
      UNIT,
      @JsonProperty("scheduled")
      SCHEDULED // that of x_t at the first timestep
    }

    /** Clips the predicted x0. */
    public SamplerSpec(Kind kind, Integer steps, Spacing spacing, Double eta) {
      this(kind, steps, spacing, eta, null);
    }

    /** To the clean image, without an offset. */
    public SamplerSpec(Kind kind, Integer steps, Spacing spacing, Double eta, Boolean clip) {
      this(
          kind,
          steps,
          spacing,
          eta,
          clip,
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty());
    }

    public SamplerSpec {
      kind = kind == null ? Kind.DDIM : kind;
      steps = steps == null ? 100 : steps;
      if (spacing == null) {
        spacing = kind.takesEqualSteps() ? Spacing.UNIFORM : Spacing.QUAD;
      }
      eta = eta == null ? 0.0 : eta;
      clip = clip == null ? Boolean.TRUE : clip;
      // What is said and what is meant without a word are equal.
      if (spacing == Spacing.LEADING && !kind.leavesTheLastOut()) {
        spacing = Spacing.UNIFORM;
      }
      stepsOffset = stepsOffset == null ? Optional.empty() : stepsOffset;
      stepsOffset = stepsOffset.filter(offset -> offset != 0);
      finalSigma = finalSigma == null ? Optional.empty() : finalSigma;
      finalSigma = finalSigma.filter(sigma -> sigma != FinalSigma.ZERO);
      variance = variance == null ? Optional.empty() : variance;
      variance = variance.filter(v -> v != Variance.FIXED_SMALL);
      initialNoise = initialNoise == null ? Optional.empty() : initialNoise;
      initialNoise = initialNoise.filter(noise -> noise != InitialNoise.UNIT);
    }

    /**
     * The timesteps of [0, {@code total}) that are visited, smallest first.
     *
     * <ul>
     *   <li>{@code uniform}: {@code i * floor(T / steps)} for i in [0, steps), and the offset. Song
     *       et al. 2021, appendix D.2; "leading" in diffusers.
     *   <li>{@code quad}: {@code floor((i * sqrt(0.8 T) / (steps - 1))^2)}, as the public DDIM
     *       code, which the CIFAR-10 figures of Diff-Pruning and its successors use. Timesteps that
     *       round to the same number are visited once.
     *   <li>{@code trailing}: {@code round(T - i * T / steps) - 1}. Lin et al. 2024, table 2.
     *   <li>{@code linspace}: {@code round(i * (T - 1) / (steps - 1))}. Lin et al. 2024, table 2.
     *   <li>{@code leading}, and {@code linspace} of dpm-solver++ and unipc: those of {@code steps
     *       + 1}, without the first.
     * </ul>
     *
     * @throws IllegalArgumentException if there are fewer timesteps than steps
     */
    public List<Integer> timesteps(int total) {
      if (steps > total) {
        throw new IllegalArgumentException(
            "sampler.steps must be at most the %d timesteps of the diffusion, found %d."
                .formatted(total, steps));
      }
      int offset = spacing.takesOffset() ? stepsOffset.orElse(0) : 0;
      return IntStream.range(0, steps)
          .map(
              i ->
                  switch (spacing) {
                    case UNIFORM -> i * (total / steps) + offset;
                    case QUAD -> quad(i, total);
                    case TRAILING -> (int) Math.rint(total - (double) i * total / steps) - 1;
                    case LINSPACE -> linspace(i, total);
                    case LEADING -> (i + 1) * (total / (steps + 1)) + offset;
                  })
          .sorted()
          .distinct()
          .boxed()
          .toList();
    }

    private int linspace(int i, int total) {
      int parts = kind.leavesTheLastOut() ? steps : steps - 1;
      int part = kind.leavesTheLastOut() ? i + 1 : i;
      return parts == 0 ? 0 : (int) Math.rint(part * ((total - 1.0) / parts));
    }

    private int quad(int i, int total) {
      if (steps == 1) {
        return 0;
      }
      double last = Math.sqrt(total * 0.8);
      double root = i == steps - 1 ? last : i * (last / (steps - 1));
      return (int) (root * root);
    }
  }

  /** The network whose features the Fréchet distance compares. */
  public record ExtractorSpec(
      @JsonPropertyDescription(
              "random-conv (a fixed random-weight network), or the path or URI of a TorchScript file")
          @NotNull
          @Size(min = 1, max = 2000)
          String source,
      @JsonPropertyDescription(
              "Pixels per side that images are resized to first; absent: as sampled")
          @NotNull
          Optional<@Min(8) @Max(1024) Integer> resizeTo) {

    /** The built-in extractor: fixed random weights, needs no download. */
    public static final String RANDOM_CONV = "random-conv";

    /** Features per image of the built-in extractor. */
    public static final int RANDOM_CONV_FEATURES = 192;

    public ExtractorSpec {
      source = source == null ? RANDOM_CONV : source;
      resizeTo = resizeTo == null ? Optional.empty() : resizeTo;
    }
  }

  public EvaluationSpec {
    samples = samples == null ? 10_000 : samples;
    batchSize = batchSize == null ? 64 : batchSize;
    seed = seed == null ? 0L : seed;
    sampler = sampler == null ? new SamplerSpec(null, null, null, null) : sampler;
    extractor = extractor == null ? new ExtractorSpec(null, Optional.empty()) : extractor;
    gridRows = gridRows == null ? 4 : gridRows;
    gridColumns = gridColumns == null ? 8 : gridColumns;
    reference = reference == null ? Optional.empty() : reference;
    kidSubsetSize = kidSubsetSize == null ? Optional.empty() : kidSubsetSize;
    samplesPerShard = samplesPerShard == null ? Optional.empty() : samplesPerShard;
    classes = classes == null ? Classes.DATASET : classes;
    referenceExtractor = referenceExtractor == null ? Optional.empty() : referenceExtractor;
    prompts = prompts == null ? Optional.empty() : prompts;
    guidance = guidance == null ? Optional.empty() : guidance.filter(scale -> scale != 1);
    clip = clip == null ? Optional.empty() : clip;
  }

  /**
   * The shards of a subject: whole batches, so that the same images are sampled together however
   * many shards there are.
   */
  public List<Shard> shards() {
    int wanted = samplesPerShard.orElseGet(() -> Math.max(USUAL_SHARD, parts(samples, MAX_SHARDS)));
    int size = parts(wanted, batchSize) * batchSize;
    return IntStream.range(0, parts(samples, size))
        .mapToObj(k -> new Shard(k * size, Math.min(size, samples - k * size)))
        .toList();
  }

  /** Fewest parts of at most {@code size} that {@code count} can be cut into. */
  private static int parts(int count, int size) {
    return (count + size - 1) / size;
  }

  /** Without what changes no figure. */
  public EvaluationSpec inUsualShards() {
    return EvaluationSpecBuilder.builder(this).samplesPerShard(Optional.empty()).build();
  }
}
