package dev.atelier.spec;

import dev.atelier.graph.Value;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The rules that several fields of a spec must meet together, each field being within its own
 * bounds.
 */
public final class SpecRules {

  private final ExperimentSpec spec;
  private final Set<String> faulty;
  private final List<SpecFault> faults = new ArrayList<>();

  private SpecRules(ExperimentSpec spec, Collection<String> faulty) {
    this.spec = spec;
    this.faulty = Set.copyOf(faulty);
  }

  /** Returns every breach of a rule by a spec whose fields are each within their bounds. */
  public static List<SpecFault> check(ExperimentSpec spec) {
    return check(spec, List.of());
  }

  /**
   * As {@link #check(ExperimentSpec)}, without the rules that read one of the fields {@code
   * faulty}, which are known to be wrong and say nothing of what the user meant.
   */
  public static List<SpecFault> check(ExperimentSpec spec, Collection<String> faulty) {
    SpecRules rules = new SpecRules(spec, faulty);
    rules.identity();
    rules.dataset();
    rules.diffusion();
    rules.teacher();
    rules.network("students.network", spec.students().network());
    rules.conditions();
    rules.assignment();
    rules.loss();
    rules.featureLoss();
    rules.overrides();
    rules.start();
    rules.batches();
    rules.training("teacher.training", spec.teacher().training());
    rules.training("students.training", spec.students().training());
    rules.trainingOverrides();
    rules.evaluation();
    rules.merge();
    rules.search();
    return List.copyOf(rules.faults);
  }

  private void identity() {
    if (trusts("name") && spec.name().isBlank()) {
      fault("name", "must not be blank.");
    }
    if (trusts("labels")) {
      for (String key : spec.labels().keySet()) {
        if (key.isBlank() || key.indexOf(':') >= 0) {
          fault(
              "labels." + key,
              "has the key '%s': expected one that is not blank and has no colon.".formatted(key));
        }
      }
    }
  }

  private void dataset() {
    if (trusts("dataset.source")) {
      SourceRules.datasetFault(spec.dataset().source())
          .ifPresent(message -> fault("dataset.source", message));
    }
    if (trusts("dataset.channels") && spec.dataset().channels() == 2) {
      fault("dataset.channels", "must be 3 (RGB) or 1 (grey), found 2.");
    }
    if (trusts("dataset.subdirectory") && leavesItsRoot(spec.dataset().subdirectory())) {
      fault(
          "dataset.subdirectory",
          "must be a path below the source, without '..', found '%s'."
              .formatted(spec.dataset().subdirectory()));
    }
    spec.dataset().captions().ifPresent(this::captions);
  }

  private void captions(DatasetSpec.CaptionsSpec captions) {
    String source = spec.dataset().source();
    if (trusts("dataset.captions", "dataset.classConditional")
        && spec.dataset().classConditional()) {
      fault(
          "dataset.captions",
          "goes without dataset.classConditional, since networks are told either texts or classes:"
              + " expected classConditional false, found true.");
    }
    if (!trusts("dataset.captions", "dataset.source")) {
      return;
    }
    if (source.equals("cifar10")) {
      fault("dataset.captions", "is for images that have captions, which those of cifar10 do not.");
    }
    if (ShapesSource.isNamed(source)
        && (captions.source().isPresent() || captions.column().isPresent())) {
      fault(
          "dataset.captions",
          "has a source or a column, but shapes have captions of their own: expected neither, as in"
              + " captions: {}.");
    }
    captions
        .source()
        .flatMap(SourceRules::locationFault)
        .ifPresent(message -> fault("dataset.captions.source", message));
  }

  private static boolean leavesItsRoot(String path) {
    if (path.indexOf('\0') >= 0) {
      return true;
    }
    Path p = Path.of(path);
    return p.isAbsolute() || p.normalize().startsWith("..");
  }

  private void diffusion() {
    DiffusionSpec d = spec.diffusion();
    if (trusts("teacher.source") && d.isTeachers() && spec.teacher().source().isEmpty()) {
      fault("diffusion.from", "is for an imported teacher: expected teacher.source, found none.");
    }
    if (trusts("diffusion") && d.schedule().readsBetas() && d.betaStart() >= d.betaEnd()) {
      fault(
          "diffusion.betaEnd",
          "must be more than betaStart %s, found %s.".formatted(d.betaStart(), d.betaEnd()));
    }
    if (trusts("diffusion")
        && d.zeroTerminalSnr().isPresent()
        && d.schedule() == DiffusionSpec.Schedule.FLOW) {
      fault(
          "diffusion.zeroTerminalSnr", "is for schedules of betas: flow ends in noise by itself.");
    }
    boolean eps = d.teacherPredicts() == Prediction.EPS || d.studentsPredict() == Prediction.EPS;
    if (trusts("diffusion") && d.endsInNoise() && eps) {
      fault(
          d.teacherPredicts() == Prediction.EPS
              ? "diffusion.prediction"
              : "diffusion.studentPrediction",
          "must not be eps where nothing of the image is left at the last timestep, of which it"
              + " says nothing there.");
    }
    if (d.studentPrediction().isPresent()) {
      studentPrediction(d);
    }
  }

  /** What compares or takes over the teacher's own outputs needs students that mean the same. */
  private void studentPrediction(DiffusionSpec d) {
    String path = "diffusion.studentPrediction";
    String other =
        "must be left out, or %s as the teacher's, %%s, found %s."
            .formatted(SpecWord.of(d.teacherPredicts()), SpecWord.of(d.studentsPredict()));
    if (trusts(path, "students.loss.feature")
        && spec.students().loss().feature().at().contains(FeatureLossSpec.EPS)) {
      fault(path, other.formatted("where students.loss.feature.at has eps"));
    }
    StudentsSpec.StartFrom start = spec.students().startFrom();
    if (trusts(path, "students.startFrom") && start.isTeachers()) {
      fault(
          path,
          other.formatted(
              start.prunes()
                  ? "where students.startFrom prunes the teacher"
                  : "where students.startFrom takes the teacher's blocks"));
    }
  }

  private void teacher() {
    TeacherSpec teacher = spec.teacher();
    if (trusts("teacher.source")) {
      teacher
          .source()
          .flatMap(SourceRules::teacherFault)
          .ifPresent(message -> fault("teacher.source", message));
    }
    if (trusts("teacher.partsFrom")) {
      teacher
          .partsFrom()
          .filter(source -> !source.equals(TeacherSpec.RANDOM_CLIP))
          .flatMap(SourceRules::teacherFault)
          .ifPresent(message -> fault("teacher.partsFrom", message));
    }
    if (trusts("teacher.source", "teacher.partsFrom")
        && teacher.source().isEmpty()
        && teacher.partsFrom().isEmpty()) {
      ofSource("teacher.variant", teacher.variant());
      ofSource("teacher.parts", teacher.parts());
    }
    // An imported teacher brings its network; the default one then says nothing.
    if (teacher.source().isEmpty() || !teacher.network().equals(TeacherSpec.DEFAULT_NETWORK)) {
      network("teacher.network", teacher.network());
    }
  }

  private void ofSource(String field, Optional<?> said) {
    if (said.isPresent()) {
      fault(field, "is for an imported teacher: expected teacher.source, found none.");
    }
  }

  private void network(String path, NetworkSpec n) {
    Architectures.of(n)
        .check(
            spec.dataset().resolution(),
            spec.dataset().channels(),
            new Architecture.Faults() {
              @Override
              public boolean trusts(String... fields) {
                return SpecRules.this.trusts(
                    Arrays.stream(fields).map(f -> path + "." + f).toArray(String[]::new));
              }

              @Override
              public boolean trustsResolution() {
                return SpecRules.this.trusts("dataset.resolution");
              }

              @Override
              public void add(String field, String sentence) {
                fault(path + "." + field, sentence);
              }
            });
  }

  /** What networks see and are told. */
  private void conditions() {
    if (trusts("teacher.network", "teacher.source", "students.network", "students.overrides")) {
      List<SpecFault> found = new ArrayList<>(ConditionRules.of(spec));
      Set<String> known = found.stream().map(SpecFault::field).collect(Collectors.toSet());
      ArchiveRules.ofName(spec).stream()
          .filter(fault -> !known.contains(fault.field()))
          .forEach(found::add);
      found.stream()
          .filter(fault -> trusts(fault.field()))
          .forEach(fault -> fault(fault.field(), fault.message()));
    }
  }

  private void assignment() {
    AssignmentSpec a = spec.students().assignment();
    String path = "students.assignment";
    if (trusts(path + ".kind", path + ".boundaries")
        && a.kind() != AssignmentSpec.Kind.EXPLICIT
        && !a.boundaries().isEmpty()) {
      fault(
          path + ".boundaries",
          "is for kind explicit only, found kind %s.".formatted(SpecWord.of(a.kind())));
    }
    if (trusts(path + ".kind", path + ".gamma")
        && a.kind() != AssignmentSpec.Kind.POWER
        && a.gamma() != 1.0) {
      fault(
          path + ".gamma",
          "is for kind power only, found kind %s.".formatted(SpecWord.of(a.kind())));
    }
    if (trusts(path + ".kind", path + ".bins")
        && a.kind() != AssignmentSpec.Kind.MEASURED
        && a.bins() != AssignmentSpec.DEFAULT_BINS) {
      fault(
          path + ".bins",
          "is for kind measured only, found kind %s.".formatted(SpecWord.of(a.kind())));
    }
    if (trusts(path + ".kind", path + ".images")
        && a.kind() != AssignmentSpec.Kind.MEASURED
        && a.images() != AssignmentSpec.DEFAULT_IMAGES) {
      fault(
          path + ".images",
          "is for kind measured only, found kind %s.".formatted(SpecWord.of(a.kind())));
    }
    if (trusts(path + ".kind", path + ".signal")
        && a.kind() != AssignmentSpec.Kind.MEASURED
        && a.signal() != AssignmentSpec.Signal.FEATURE) {
      fault(
          path + ".signal",
          "is for kind measured only, found kind %s.".formatted(SpecWord.of(a.kind())));
    }
    if (trusts(path + ".kind", path + ".weight")
        && a.kind() != AssignmentSpec.Kind.MEASURED
        && a.weight() != AssignmentSpec.Weight.NONE) {
      fault(
          path + ".weight",
          "is for kind measured only, found kind %s.".formatted(SpecWord.of(a.kind())));
    }
    if (!trusts(path, "students.count", "diffusion.timesteps")) {
      return;
    }
    int count = spec.students().count();
    int timesteps = spec.diffusion().timesteps();
    if (a.plannedLater()) {
      plannedLater(path, a, count, timesteps);
      return;
    }
    if (a.kind() == AssignmentSpec.Kind.VISITS) {
      visits(path, count, timesteps);
      return;
    }
    List<Integer> cuts = a.cuts(count, timesteps, spec.evaluation().sampler());
    if (a.kind() == AssignmentSpec.Kind.EXPLICIT) {
      explicitBoundaries(path + ".boundaries", cuts, count, timesteps);
      return;
    }
    for (int i = 1; i < cuts.size(); i++) {
      if (cuts.get(i) <= cuts.get(i - 1)) {
        fault(
            path,
            "leaves student %d without a timestep: %d students cannot share T = %d with gamma %s."
                .formatted(i, count, timesteps, a.gamma()));
        return;
      }
    }
  }

  /** Each student needs a step of its own. */
  private void visits(String path, int count, int timesteps) {
    SamplerSpec sampler = spec.evaluation().sampler();
    if (!trusts("evaluation.sampler") || sampler.steps() > timesteps) {
      return;
    }
    int visited = sampler.timesteps(timesteps).size();
    if (visited < count) {
      fault(
          path + ".kind",
          "visits gives each student a step of the sampler: expected at most %d students, the timesteps that evaluation.sampler visits, found students.count %d."
              .formatted(visited, count));
    }
  }

  /** Whatever will be measured, each student can have its part. */
  private void plannedLater(String path, AssignmentSpec a, int count, int timesteps) {
    if (a.kind() != AssignmentSpec.Kind.MEASURED && count > timesteps) {
      fault(
          path,
          "leaves a student without a timestep: %d students cannot share T = %d."
              .formatted(count, timesteps));
    }
    if (a.kind() == AssignmentSpec.Kind.MEASURED && a.bins() < count) {
      fault(
          path + ".bins",
          "must be at least students.count %d, one for each student, found %d."
              .formatted(count, a.bins()));
    }
    if (a.kind() == AssignmentSpec.Kind.MEASURED && a.bins() > timesteps) {
      fault(
          path + ".bins",
          "must be at most diffusion.timesteps %d, found %d.".formatted(timesteps, a.bins()));
    }
  }

  private void explicitBoundaries(String path, List<Integer> cuts, int count, int timesteps) {
    if (cuts.size() != count + 1) {
      fault(
          path,
          "must have one entry more than students.count %d, found %d entries."
              .formatted(count, cuts.size()));
    }
    if (cuts.isEmpty()) {
      return;
    }
    if (cuts.get(0) != 0) {
      fault(
          path + "[0]",
          "must be 0, found %d: the timesteps [0, %d) would have no student."
              .formatted(cuts.get(0), cuts.get(0)));
    }
    for (int i = 1; i < cuts.size(); i++) {
      if (cuts.get(i) <= cuts.get(i - 1)) {
        fault(
            "%s[%d]".formatted(path, i),
            "must be more than the boundary %d before it, found %d."
                .formatted(cuts.get(i - 1), cuts.get(i)));
      }
    }
    int last = cuts.get(cuts.size() - 1);
    if (last != timesteps) {
      fault(
          "%s[%d]".formatted(path, cuts.size() - 1),
          "must be diffusion.timesteps %d, found %d.".formatted(timesteps, last));
    }
  }

  private void loss() {
    LossSpec loss = spec.students().loss();
    if (trusts("students.loss")
        && loss.diffusion() == 0
        && loss.distillation() == 0
        && loss.feature().weight() == 0) {
      fault("students.loss", "must have a weight that is not 0.");
    }
  }

  private void featureLoss() {
    FeatureLossSpec feature = spec.students().loss().feature();
    String path = "students.loss.feature";
    if (!trusts(path)) {
      return;
    }
    if (!feature.wanted()) {
      if (feature.weight() != 0) {
        fault(
            path + ".weight",
            "must be 0 or left out where kind is none, found %s.".formatted(feature.weight()));
      }
      if (!feature.at().isEmpty()) {
        fault(
            path + ".at", "must be left out where kind is none, found %s.".formatted(feature.at()));
      }
    }
    if (feature.kind() != FeatureLossSpec.Kind.HINT
        && feature.projection() != FeatureLossSpec.Projection.RANDOM) {
      fault(path + ".projection", "must be left out where kind is not hint: nothing is projected.");
    }
    if (!feature.wanted()) {
      return;
    }
    if (feature.at().isEmpty()) {
      fault(path + ".at", "must name at least one place, such as mid.");
    }
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < feature.at().size(); i++) {
      if (!seen.add(feature.at().get(i))) {
        fault(
            "%s.at[%d]".formatted(path, i),
            "names the place %s a second time.".formatted(feature.at().get(i)));
      }
    }
    featurePlaces(path, feature);
    featureSamples(feature);
  }

  private void featurePlaces(String path, FeatureLossSpec feature) {
    if (!trusts("students.network", "teacher.network")) {
      return;
    }
    Map<String, Value> places = features(spec.students().network());
    for (int i = 0; i < feature.at().size(); i++) {
      if (!places.containsKey(feature.at().get(i))) {
        fault(
            "%s.at[%d]".formatted(path, i),
            "must be a place of students.network, one of %s, found %s."
                .formatted(places.keySet(), feature.at().get(i)));
      }
    }
    if (spec.teacher().source().isPresent()) {
      return; // the network of an imported teacher is known once it is read
    }
    Map<String, Value> taught = features(spec.teacher().network());
    for (int i = 0; i < feature.at().size(); i++) {
      String place = feature.at().get(i);
      if (places.containsKey(place) && !taught.containsKey(place)) {
        fault(
            "%s.at[%d]".formatted(path, i),
            "must be a place of teacher.network too, one of %s, found %s."
                .formatted(taught.keySet(), place));
      }
    }
    feature.at().stream()
        .filter(place -> places.containsKey(place) && taught.containsKey(place))
        .filter(place -> side(places, place) != side(taught, place))
        .findFirst()
        .ifPresent(
            place ->
                fault(
                    path + ".kind",
                    "compares features of equal resolution: expected the %d pixels per side that %s has in teacher.network, found %d in students.network."
                        .formatted(side(taught, place), place, side(places, place))));
  }

  private Map<String, Value> features(NetworkSpec network) {
    return Architectures.of(network)
        .layout(spec.dataset().resolution(), spec.dataset().channels(), 0)
        .features();
  }

  /** Pixels per side of a place. */
  private static int side(Map<String, Value> places, String place) {
    return places.get(place).side();
  }

  private void featureSamples(FeatureLossSpec feature) {
    if (feature.kind() != FeatureLossSpec.Kind.RELATIONAL_SAMPLE) {
      return;
    }
    samples("students.training", spec.students().training());
    List<StudentsSpec.StudentOverride> overrides = spec.students().overrides();
    for (int i = 0; i < overrides.size(); i++) {
      TrainingOverrides changes = overrides.get(i).training();
      if (changes.batchSize().isPresent() || changes.accumulationSteps().isPresent()) {
        samples(
            "students.overrides[%d].training".formatted(i),
            changes.applyTo(spec.students().training()));
      }
    }
  }

  private void samples(String path, TrainingSpec training) {
    if (trusts(path + ".batchSize", path + ".accumulationSteps", "students.training.batchSize")
        && training.batchSize() < 2 * training.accumulationSteps()) {
      fault(
          path + ".batchSize",
          "must be at least 2 images in each of %d parts, as relational-sample compares images, found %d."
              .formatted(training.accumulationSteps(), training.batchSize()));
    }
  }

  private void overrides() {
    Set<Integer> seen = new HashSet<>();
    List<StudentsSpec.StudentOverride> overrides = spec.students().overrides();
    for (int i = 0; i < overrides.size(); i++) {
      String field = "students.overrides[%d].student".formatted(i);
      if (!trusts(field, "students.count")) {
        continue;
      }
      int student = overrides.get(i).student();
      if (student > spec.students().count()) {
        fault(
            field,
            "must be at most students.count %d, found %d."
                .formatted(spec.students().count(), student));
      } else if (!seen.add(student)) {
        fault(field, "names student %d a second time.".formatted(student));
      }
    }
    for (int i = 0; i < overrides.size(); i++) {
      owner("students.overrides[%d]".formatted(i), overrides.get(i));
    }
    if (trusts("students.overrides", "students.count")
        && IntStream.rangeClosed(1, spec.students().count())
            .allMatch(spec.students()::ownedByTeacher)) {
      fault(
          "students.overrides",
          "must leave at least one range to a student: the teacher owns all of them.");
    }
  }

  private void owner(String field, StudentsSpec.StudentOverride override) {
    boolean teacher = override.model() == StudentsSpec.Owner.TEACHER;
    if (trusts(field + ".network")) {
      override.network().ifPresent(network -> network(field + ".network", network));
      if (teacher && override.network().isPresent()) {
        fault(
            field + ".network",
            "is for model student only: the range of student %d is the teacher's."
                .formatted(override.student()));
      }
    }
    if (trusts(field + ".training")
        && teacher
        && !override.training().equals(TrainingOverrides.NONE)) {
      fault(
          field + ".training",
          "is for model student only: the range of student %d is the teacher's."
              .formatted(override.student()));
    }
  }

  private void start() {
    StudentsSpec students = spec.students();
    if (!trusts("students.startFrom", "students.network", "students.overrides")) {
      return;
    }
    if (students.startFrom().isTeachers()) {
      // The network of an imported teacher may not be known before it is read.
      NetworkSpec teacher = spec.teacher().network();
      if (spec.teacher().source().isPresent() && teacher.equals(TeacherSpec.DEFAULT_NETWORK)) {
        return;
      }
      if (trusts("teacher.network", "dataset.resolution") && isFit("teacher.network")) {
        forEachNetwork(
            (field, network) -> {
              if (isFit(field)) {
                startFault(teacher, network).ifPresent(message -> fault(field, message));
              }
            });
      }
    }
    sharing(students);
    if (students.startFrom() == StudentsSpec.StartFrom.ONE_TO_ONE) {
      forEachNetwork(
          (field, network) -> {
            if (!network.equals(students.network())) {
              fault(
                  field,
                  "must be students.network when startFrom is one-to-one: all students start from"
                      + " the weights of one.");
            }
          });
    }
  }

  private void sharing(StudentsSpec students) {
    if (students.sharing().isEmpty()) {
      if (trusts("students.rank") && students.rank().isPresent()) {
        fault(
            "students.rank",
            "is for students.sharing lora only, found %d.".formatted(students.rank().get()));
      }
      return;
    }
    if (students.startFrom() != StudentsSpec.StartFrom.ONE_TO_ONE) {
      fault(
          "students.startFrom",
          "must be one-to-one or left out where students.sharing is lora: each student is a low-rank update of the one-to-one student, found %s."
              .formatted(SpecWord.of(students.startFrom())));
    }
    if (trusts("merge.kind") && spec.merge().kind() != MergeSpec.Kind.NONE) {
      fault(
          "merge.kind",
          "must be none where students.sharing is lora, whose students share a network already, found %s."
              .formatted(SpecWord.of(spec.merge().kind())));
    }
  }

  /** Whether no rule has found fault with a network, so that it has a layout. */
  private boolean isFit(String network) {
    return faults.stream().noneMatch(fault -> holds(network, fault.field()));
  }

  /** Why a student can't start from the teacher's weights, if so. */
  private Optional<String> startFault(NetworkSpec teacher, NetworkSpec student) {
    int resolution = spec.dataset().resolution();
    return spec.students().startFrom().prunes()
        ? PruningRule.fault(teacher, student, resolution)
        : new SharedBlocks(teacher, student, resolution).fault();
  }

  /** Every network that a student is trained with, and the path of its field. */
  private void forEachNetwork(BiConsumer<String, NetworkSpec> action) {
    action.accept("students.network", spec.students().network());
    List<StudentsSpec.StudentOverride> overrides = spec.students().overrides();
    for (int i = 0; i < overrides.size(); i++) {
      String field = "students.overrides[%d].network".formatted(i);
      overrides.get(i).network().ifPresent(network -> action.accept(field, network));
    }
  }

  private void batches() {
    if (!trusts("dataset.source", "dataset.maxImages")) {
      return;
    }
    OptionalLong named = SourceRules.shapesCount(spec.dataset().source());
    long images = Math.min(named.orElse(Long.MAX_VALUE), spec.dataset().maxImages());
    for (BatchSize size : BatchSize.of(spec)) {
      if (trusts(size.field())) {
        size.fault(images).ifPresent(reason -> fault(size.field(), reason));
      }
    }
  }

  private void training(String path, TrainingSpec training) {
    accumulation(path, training);
    weighting(path, training);
    if (trusts(path)
        && training.learningRateSchedule() == TrainingSpec.LearningRateSchedule.COSINE
        && training.finalLearningRate() > training.learningRate()) {
      fault(
          path + ".finalLearningRate",
          "must be at most learningRate %s, found %s."
              .formatted(training.learningRate(), training.finalLearningRate()));
    }
  }

  private void weighting(String path, TrainingSpec training) {
    if (trusts(path + ".weighting", path + ".weightingGamma")
        && training.weighting().isEmpty()
        && training.weightingGamma().isPresent()) {
      fault(
          path + ".weightingGamma",
          "is for a weighting: expected weighting, or no value, found %s."
              .formatted(training.weightingGamma().get()));
    }
  }

  private void trainingOverrides() {
    List<StudentsSpec.StudentOverride> overrides = spec.students().overrides();
    for (int i = 0; i < overrides.size(); i++) {
      TrainingOverrides changes = overrides.get(i).training();
      if (changes.batchSize().isPresent() || changes.accumulationSteps().isPresent()) {
        accumulation(
            "students.overrides[%d].training".formatted(i),
            changes.applyTo(spec.students().training()));
      }
      if (changes.weightingGamma().isPresent()) {
        weighting(
            "students.overrides[%d].training".formatted(i),
            changes.applyTo(spec.students().training()));
      }
    }
  }

  private void accumulation(String path, TrainingSpec training) {
    if (trusts(path + ".accumulationSteps", path + ".batchSize", "students.training.batchSize")
        && training.batchSize() % training.accumulationSteps() != 0) {
      fault(
          path + ".accumulationSteps",
          "must divide batchSize %d, found %d."
              .formatted(training.batchSize(), training.accumulationSteps()));
    }
  }

  private void evaluation() {
    EvaluationSpec e = spec.evaluation();
    sampler(e.sampler());
    if (trusts("evaluation.gridRows", "evaluation.gridColumns", "evaluation.samples")
        && e.gridRows() * e.gridColumns() > e.samples()) {
      fault(
          "evaluation.gridRows",
          "times gridColumns must be at most evaluation.samples %d, found %d × %d."
              .formatted(e.samples(), e.gridRows(), e.gridColumns()));
    }
    String source = e.extractor().source();
    if (trusts("evaluation.extractor.source")
        && !source.equals(EvaluationSpec.ExtractorSpec.RANDOM_CONV)) {
      SourceRules.locationFault(source)
          .ifPresent(message -> fault("evaluation.extractor.source", message));
    }
    if (trusts("evaluation.reference")) {
      e.reference()
          .flatMap(SourceRules::locationFault)
          .ifPresent(message -> fault("evaluation.reference", message));
    }
    if (trusts("evaluation.prompts")) {
      e.prompts()
          .flatMap(SourceRules::locationFault)
          .ifPresent(message -> fault("evaluation.prompts", message));
    }
    if (trusts("evaluation.clip.source")) {
      e.clip()
          .flatMap(clip -> SourceRules.teacherFault(clip.source()))
          .ifPresent(message -> fault("evaluation.clip.source", message));
    }
    if (trusts("evaluation.classes", "dataset.classConditional")
        && e.classes() != EvaluationSpec.Classes.DATASET
        && !spec.dataset().classConditional()) {
      fault(
          "evaluation.classes",
          "is for a class-conditional dataset: expected dataset or no value, found balanced.");
    }
    shards(e);
    features(e);
  }

  private void sampler(SamplerSpec s) {
    if (trusts("evaluation.sampler.steps", "diffusion.timesteps")
        && s.steps() > spec.diffusion().timesteps()) {
      fault(
          "evaluation.sampler.steps",
          "must be at most diffusion.timesteps %d, found %d."
              .formatted(spec.diffusion().timesteps(), s.steps()));
    }
    if (trusts("evaluation.sampler.eta", "evaluation.sampler.kind")
        && s.kind() != SamplerSpec.Kind.DDIM
        && s.eta() > 0) {
      fault(
          "evaluation.sampler.eta",
          "is for evaluation.sampler.kind ddim alone: expected 0 or no value, found %s."
              .formatted(s.eta()));
    }
    boolean flows = spec.diffusion().schedule() == DiffusionSpec.Schedule.FLOW;
    if (trusts("evaluation.sampler.kind", "diffusion")
        && flows
        && s.kind() != SamplerSpec.Kind.EULER) {
      fault(
          "evaluation.sampler.kind",
          "must be euler for diffusion.schedule flow, found %s.".formatted(SpecWord.of(s.kind())));
    }
    if (trusts("evaluation.sampler.spacing", "evaluation.sampler.kind")
        && s.kind().takesEqualSteps()
        && s.spacing() == SamplerSpec.Spacing.QUAD) {
      fault(
          "evaluation.sampler.spacing",
          "must be uniform, trailing or linspace for evaluation.sampler.kind %s, whose steps are of equal length, found quad."
              .formatted(SpecWord.of(s.kind())));
    }
    boolean fits = trusts("evaluation.sampler", "diffusion.timesteps");
    int timesteps = spec.diffusion().timesteps();
    if (fits && s.spacing() == SamplerSpec.Spacing.LEADING && s.steps() == timesteps) {
      fault(
          "evaluation.sampler.steps",
          "must be less than diffusion.timesteps %d for evaluation.sampler.spacing leading, found %d."
              .formatted(timesteps, s.steps()));
    }
    s.stepsOffset().filter(offset -> fits).ifPresent(offset -> stepsOffset(s, timesteps));
    s.finalSigma()
        .filter(sigma -> !s.kind().hasFinalSigma() || flows)
        .ifPresent(
            sigma ->
                isFor(
                    "finalSigma",
                    "ddim, dpm-solver++, euler, pndm, plms or unipc on betas",
                    "zero",
                    sigma));
    s.variance()
        .filter(variance -> s.kind() != SamplerSpec.Kind.DDPM)
        .ifPresent(variance -> isFor("variance", "ddpm", "fixed-small", variance));
    s.initialNoise()
        .filter(noise -> !s.kind().hasInitialNoise())
        .ifPresent(noise -> isFor("initialNoise", "heun or euler", "unit", noise));
  }

  private void stepsOffset(SamplerSpec s, int timesteps) {
    if (!s.spacing().takesOffset()) {
      fault(
          "evaluation.sampler.stepsOffset",
          "is for evaluation.sampler.spacing uniform or leading: expected 0 or no value, found 1.");
    } else if (s.steps() <= timesteps && s.timesteps(timesteps).contains(timesteps)) {
      fault(
          "evaluation.sampler.stepsOffset",
          "must leave each timestep below diffusion.timesteps %d: expected 0 or no value, or fewer steps, found 1."
              .formatted(timesteps));
    }
  }

  /** A field of the sampler that its kind lacks. */
  private void isFor(String field, String kinds, String usual, Enum<?> found) {
    if (trusts("evaluation.sampler.kind", "evaluation.sampler." + field, "diffusion")) {
      fault(
          "evaluation.sampler." + field,
          "is for evaluation.sampler.kind %s: expected %s or no value, found %s."
              .formatted(kinds, usual, SpecWord.of(found)));
    }
  }

  /** More of them would fill the history of the workflow. */
  private void shards(EvaluationSpec e) {
    int fewest = (e.samples() + EvaluationSpec.MAX_SHARDS - 1) / EvaluationSpec.MAX_SHARDS;
    if (trusts("evaluation.samplesPerShard", "evaluation.samples", "evaluation.batchSize")
        && e.shards().size() > EvaluationSpec.MAX_SHARDS) {
      fault(
          "evaluation.samplesPerShard",
          "must cut evaluation.samples %d into at most %d shards: expected at least %d, found %d."
              .formatted(
                  e.samples(),
                  EvaluationSpec.MAX_SHARDS,
                  fewest,
                  e.samplesPerShard().orElseThrow()));
    }
  }

  /** A covariance of D features needs more than D images. */
  private void features(EvaluationSpec e) {
    boolean builtIn = e.extractor().source().equals(EvaluationSpec.ExtractorSpec.RANDOM_CONV);
    if (trusts("evaluation.extractor.source", "evaluation.samples")
        && builtIn
        && e.samples() <= EvaluationSpec.ExtractorSpec.RANDOM_CONV_FEATURES) {
      fault(
          "evaluation.samples",
          "must be more than the %d features of random-conv, found %d."
              .formatted(EvaluationSpec.ExtractorSpec.RANDOM_CONV_FEATURES, e.samples()));
    }
    if (trusts("evaluation.kidSubsetSize", "evaluation.reference")
        && e.kidSubsetSize().isPresent()
        && e.reference().isPresent()) {
      fault(
          "evaluation.kidSubsetSize",
          "is for a comparison with the dataset's images: evaluation.reference has statistics"
              + " alone.");
    }
    if (trusts("evaluation.kidSubsetSize", "evaluation.samples")
        && e.kidSubsetSize().isPresent()
        && e.kidSubsetSize().get() > e.samples()) {
      fault(
          "evaluation.kidSubsetSize",
          "must be at most evaluation.samples %d, found %d."
              .formatted(e.samples(), e.kidSubsetSize().get()));
    }
  }

  private void merge() {
    MergeSpec m = spec.merge();
    if (!trusts("merge.kind")) {
      return;
    }
    String kind = SpecWord.of(m.kind());
    boolean greedy = m.kind() == MergeSpec.Kind.GREEDY;
    if (trusts("merge.weights")
        && m.kind() != MergeSpec.Kind.TASK_ARITHMETIC
        && !m.weights().isEmpty()) {
      fault("merge.weights", "is for merge.kind task-arithmetic only, found %s.".formatted(kind));
    }
    if (trusts("merge.memoryBudget") && !greedy && m.memoryBudget().isPresent()) {
      fault("merge.memoryBudget", "is for merge.kind greedy only, found %s.".formatted(kind));
    }
    if (trusts("merge.largestIncrease") && !greedy && m.largestIncrease().isPresent()) {
      fault("merge.largestIncrease", "is for merge.kind greedy only, found %s.".formatted(kind));
    }
    if (m.kind() != MergeSpec.Kind.NONE && trusts("students.count")) {
      mergeOf(spec.students().count(), m, kind);
    }
  }

  private void mergeOf(int students, MergeSpec m, String kind) {
    if (students < 2) {
      fault("merge.kind", "%s needs at least 2 students, found students.count 1.".formatted(kind));
      return;
    }
    mergeable(m, kind);
    if (m.kind() == MergeSpec.Kind.TASK_ARITHMETIC
        && trusts("merge.weights")
        && !m.weights().isEmpty()
        && m.weights().size() != students) {
      fault(
          "merge.weights",
          "must have one entry per student or none, which searches them: expected %d, found %d."
              .formatted(students, m.weights().size()));
    }
    if (m.searches()) {
      ranking("merge.samples", m.samples());
    }
    if (m.kind() != MergeSpec.Kind.GREEDY) {
      return;
    }
    if (trusts("merge.memoryBudget")) {
      m.memoryBudget()
          .filter(budget -> budget < 1.0 / students)
          .ifPresent(
              budget ->
                  fault(
                      "merge.memoryBudget",
                      "must be at least 1/%d, the share of the one model that is left when all %d students are merged, found %s."
                          .formatted(students, students, budget)));
    }
    if (trusts("merge.evaluations") && m.evaluations() < students) {
      fault(
          "merge.evaluations",
          "must be at least students.count %d, for the students and each pair of neighbours, found %d."
              .formatted(students, m.evaluations()));
    }
  }

  private void mergeable(MergeSpec m, String kind) {
    StudentsSpec s = spec.students();
    if (trusts("students.network", "students.overrides")) {
      for (int k = 1; k <= s.count(); k++) {
        if (s.ownedByTeacher(k) || !s.networkOf(k).equals(s.networkOf(1))) {
          fault(
              "merge.kind",
              "%s needs students of one network, found another for student %d in students.overrides."
                  .formatted(kind, k));
          return;
        }
      }
    }
    if (trusts("students.startFrom")
        && m.kind() != MergeSpec.Kind.GREEDY
        && s.startFrom() == StudentsSpec.StartFrom.TEACHER_TAYLOR) {
      fault(
          "merge.kind",
          "%s needs students that start from the same weights, but students.startFrom teacher-taylor keeps other channels for each range: expected random, teacher-magnitude or one-to-one, or merge.kind greedy."
              .formatted(kind));
    }
  }

  private void search() {
    int evaluations = spec.search().evaluations();
    if (trusts("search.evaluations") && evaluations == 1) {
      fault(
          "search.evaluations",
          "must be 0, for no search, or at least 2, as one schedule has no frontier, found 1.");
    }
    if (spec.search().wanted()) {
      ranking("search.samples", spec.search().samples());
    }
  }

  /** Candidates are ranked by a distance that so many images must be able to tell. */
  private void ranking(String field, int samples) {
    if (!trusts(field, "evaluation.extractor.source")) {
      return;
    }
    boolean builtIn =
        spec.evaluation().extractor().source().equals(EvaluationSpec.ExtractorSpec.RANDOM_CONV);
    int features = EvaluationSpec.ExtractorSpec.RANDOM_CONV_FEATURES;
    if (builtIn && samples <= features) {
      fault(
          field,
          "must be more than the %d features of random-conv, as fewer images cannot rank candidates, found %d."
              .formatted(features, samples));
    } else if (samples < EvaluationSpec.FEWEST_RANKING_SAMPLES) {
      fault(
          field,
          "must be at least %d, as fewer images cannot rank candidates, found %d."
              .formatted(EvaluationSpec.FEWEST_RANKING_SAMPLES, samples));
    }
  }

  private void fault(String field, String message) {
    faults.add(new SpecFault(field, message));
  }

  /** Whether none of the fields, nor a part of one, nor what holds one, is known to be wrong. */
  private boolean trusts(String... fields) {
    for (String field : fields) {
      for (String wrong : faulty) {
        if (wrong.isEmpty() || holds(field, wrong) || holds(wrong, field)) {
          return false;
        }
      }
    }
    return true;
  }

  private static boolean holds(String outer, String inner) {
    return inner.startsWith(outer)
        && (inner.length() == outer.length()
            || inner.charAt(outer.length()) == '.'
            || inner.charAt(outer.length()) == '[');
  }
}
