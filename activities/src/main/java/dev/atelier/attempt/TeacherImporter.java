package dev.atelier.attempt;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.artifacts.TrainedModels;
import dev.atelier.intake.SourceNotices;
import dev.atelier.intake.TeacherFiles;
import dev.atelier.intake.TeacherFiles.Fetched;
import dev.atelier.network.Network;
import dev.atelier.network.files.DiffusersFiles;
import dev.atelier.network.files.TeacherException;
import dev.atelier.network.files.TeacherImport;
import dev.atelier.network.files.TeacherImport.Imported;
import dev.atelier.network.files.TeacherImport.Tried;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.opening.Opening;
import dev.atelier.pipeline.PipelineImport;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.SpecFault;
import dev.atelier.spec.TimestepRange;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.CheckpointHistory.CheckpointRow;
import dev.atelier.store.EventHistory;
import dev.atelier.store.ExperimentHistory;
import dev.atelier.untrusted.OneLine;
import dev.atelier.version.CodeVersion;
import dev.atelier.work.Scope;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelOrigin;
import dev.atelier.workflows.ModelOrigin.TakenFile;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.TrainingActivities.ImportTeacher;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import dev.atelier.workflows.vocabulary.EventKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Makes a user's network the teacher of an experiment. */
public record TeacherImporter(
    Attempts attempts,
    ArtifactCache cache,
    TeacherFiles teachers,
    ExperimentHistory experiments,
    EventHistory events) {

  private static final int MAX_DETAIL = 1000; // characters; parts of it are a user's file names

  /**
   * Fetches the network, has it opened apart, and keeps it as a checkpoint of step 0.
   *
   * @throws TeacherException if it cannot be used
   */
  public ModelRef importTeacher(ImportTeacher task, Scope scope) throws IOException {
    String shown = TeacherFiles.shown(task.source());
    scope.describe("importing " + shown);
    attempts.device().use();
    Fetched fetched =
        teachers.fetch(
            task.source(), task.variant(), new SourceNotices(events, task.experimentId()));
    Imported imported = read(task, fetched.path(), shown, scope);
    ModelOrigin origin = origin(fetched, imported, shown);
    scope.stopIfAsked();
    events.record(
        task.experimentId(),
        EventKind.TEACHER_TAKEN,
        OneLine.of("took %s; %s".formatted(imported.taken(), origin.shown()), MAX_DETAIL));
    if (task.diffusion().isTeachers()) {
      takeOver(task.experimentId(), shown, imported.diffusion());
    }
    ModelRef teacher = keep(task, imported, origin, fetched.path(), scope.path());
    return task.diffusion().isTeachers() ? teacher.bringing(imported.diffusion()) : teacher;
  }

  private Imported read(ImportTeacher task, Path source, String shown, Scope scope)
      throws IOException {
    TeacherImport.Expected expected =
        new TeacherImport.Expected(
            task.network(),
            task.dataset().resolution(),
            task.dataset().channels(),
            task.dataset().classes(),
            task.diffusion(),
            task.clip().orElse(true),
            task.variant());
    try {
      cache
          .opener()
          .open(new Opening.Teacher(source, shown, expected), scope.path(), scope::stopIfAsked);
    } catch (TeacherException e) {
      throw teachers.unusable(task.source(), e);
    }
    return PipelineImport.read(
        source, shown, expected, attempts.device().name(), scope.path(), Tried.BEFORE);
  }

  private static List<String> parts(Imported imported) {
    return imported instanceof TeacherImport.Weights weights ? weights.parts() : List.of();
  }

  /** What it was made of, with the types of tensors, as its files are tried now. */
  private static ModelOrigin origin(Fetched fetched, Imported imported, String shown)
      throws IOException {
    if (!(imported instanceof TeacherImport.Weights)) {
      return fetched.origin();
    }
    List<String> names = fetched.origin().files().stream().map(TakenFile::name).toList();
    return fetched
        .origin()
        .withDtypes(
            Files.isDirectory(fetched.path())
                ? DiffusersFiles.dtypes(fetched.path(), names, shown)
                : Map.of(names.get(0), List.copyOf(SafetensorsFile.dtypes(fetched.path()))));
  }

  /** The spec has left the forward process to the teacher. */
  private void takeOver(String experimentId, String shown, DiffusionSpec diffusion) {
    List<SpecFault> faults = experiments.recordDiffusion(experimentId, diffusion);
    if (!faults.isEmpty()) {
      throw new TeacherException(
          shown,
          "with the forward process that it brings, of %d timesteps, %s %s"
              .formatted(
                  diffusion.timesteps(),
                  faults.get(0).field(),
                  faults.get(0).message().replaceFirst("\\.$", "")));
    }
  }

  /**
   * An imported teacher as a file to keep.
   *
   * @param network absent: it is a TorchScript archive
   */
  private record Kept(Path file, long parameters, Optional<Network> network) {

    static Kept of(Imported imported, Path work) throws IOException {
      if (imported instanceof TeacherImport.Weights weights) {
        Path file = work.resolve(CheckpointPart.EMA.fileName());
        SafetensorsFile.write(file, weights.tensors(), Map.of("step", "0", "part", "ema"));
        return new Kept(file, weights.network().parameters(), Optional.of(weights.network()));
      }
      TeacherImport.TorchScript module = (TeacherImport.TorchScript) imported;
      Path file = Files.copy(module.file(), work.resolve(TrainedModels.IMPORTED_ARCHIVE));
      return new Kept(file, module.parameters(), Optional.empty());
    }
  }

  private ModelRef keep(
      ImportTeacher task, Imported imported, ModelOrigin origin, Path source, Path work)
      throws IOException {
    Kept kept = Kept.of(imported, work);
    Attempt attempt =
        attempts.start(
            task.experimentId(),
            ModelKey.TEACHER,
            0,
            kept.parameters(),
            kept.network().map(Network::macs));
    attempts
        .checkpoints(
            task.experimentId(), ModelKey.TEACHER, attempt, attempts.device().threads(), work)
        .saveImported(
            TrainingTasks.hashOf(task),
            CodeVersion.TRAINING.current(),
            kept.file(),
            source,
            parts(imported),
            origin);
    attempts.keepOrigin(attempt, origin);
    CheckpointRow stored = attempts.finish(task.experimentId(), ModelKey.TEACHER, attempt);
    return new ModelRef(
        ModelKey.TEACHER,
        kept.network().map(Network::spec),
        new TimestepRange(0, imported.diffusion().timesteps()),
        stored.manifestKey(),
        stored.manifestSha256(),
        stored.step());
  }
}
