package dev.atelier.intake;

import dev.atelier.dataset.HubDownload;
import dev.atelier.dataset.HubDownload.HubFile;
import dev.atelier.spec.SourceLocation.HubModel;
import dev.atelier.spec.SourceLocation.StoredFolder;
import dev.atelier.store.objects.ObjectStore;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** A folder of a user's that lies elsewhere. */
sealed interface RemoteFolder {

  /**
   * One of its files.
   *
   * @param name below the folder, parts separated by {@code /}
   * @param bytes absent: nobody says
   * @param version tells whether its content is the same as before
   * @param sha256 of its content, where that is said
   */
  record RemoteFile(String name, OptionalLong bytes, String version, Optional<String> sha256) {}

  /**
   * What it holds.
   *
   * @param license as the place states it, beside the files
   */
  record Listing(List<RemoteFile> files, Optional<String> license) {}

  /** Where it lies, and as whom it is asked for: a copy is there for nobody else. */
  String identity();

  /** The last part of its name. */
  String name();

  Listing list(long mostFiles);

  /** Brings a file of at most {@code mostBytes} to {@code target}. */
  void fetch(RemoteFile file, Path target, long mostBytes);

  /** Objects below a prefix of the object store. */
  record Stored(ObjectStore store, StoredFolder folder) implements RemoteFolder {
    @Override
    public String identity() {
      return "s3://%s/%s".formatted(folder.bucket(), folder.prefix());
    }

    @Override
    public String name() {
      return folder.prefix().replaceFirst("/$", "").replaceFirst(".*/", "");
    }

    @Override
    public Listing list(long mostFiles) {
      return new Listing(
          store.listForeign(folder.bucket(), folder.prefix(), mostFiles).stream()
              .filter(object -> object.key().startsWith(folder.prefix()))
              .filter(object -> !object.key().endsWith("/")) // what stands for a folder
              .map(
                  object ->
                      new RemoteFile(
                          object.key().substring(folder.prefix().length()),
                          OptionalLong.of(object.bytes()),
                          object.entityTag(),
                          Optional.empty()))
              .toList(),
          Optional.empty());
    }

    @Override
    public void fetch(RemoteFile file, Path target, long mostBytes) {
      store.fetchForeign(folder.bucket(), folder.prefix() + file.name(), target, mostBytes);
    }
  }

  /** A commit of a model of the Hub, or a folder of it. */
  record OfHub(HubDownload hub, HubModel model) implements RemoteFolder {
    @Override
    public String identity() {
      return hub.base() + " " + model;
    }

    @Override
    public String name() {
      return model.name();
    }

    @Override
    public Listing list(long mostFiles) {
      HubDownload.Listing commit = hub.list(model);
      String prefix = prefix();
      return new Listing(
          commit.files().stream()
              .filter(file -> file.name().startsWith(prefix))
              .map(
                  file ->
                      new RemoteFile(
                          file.name().substring(prefix.length()),
                          file.bytes(),
                          model.revision(),
                          file.sha256()))
              .toList(),
          commit.license());
    }

    private String prefix() {
      return model.folder().map(folder -> folder + "/").orElse("");
    }

    @Override
    public void fetch(RemoteFile file, Path target, long mostBytes) {
      hub.fetch(
          model,
          new HubFile(prefix() + file.name(), file.bytes(), file.sha256()),
          target,
          mostBytes);
    }
  }
}
