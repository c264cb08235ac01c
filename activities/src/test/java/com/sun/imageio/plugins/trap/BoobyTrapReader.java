package com.sun.imageio.plugins.trap;

import dev.atelier.opening.BoobyTrap;
import dev.atelier.opening.BoobyTrap.Deed;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Iterator;
import java.util.List;
import javax.imageio.ImageReadParam;
import javax.imageio.ImageReader;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.spi.ImageReaderSpi;
import javax.imageio.stream.ImageInputStream;

/**
 * The reader of {@link BoobyTrap}, in a package in which the decoder looks for the JDK's readers.
 */
public final class BoobyTrapReader extends ImageReader {

  private final ImageReader bmp;
  private List<Deed> deeds = List.of();

  public BoobyTrapReader(ImageReaderSpi provider, ImageReader bmp) {
    super(provider);
    this.bmp = bmp;
  }

  @Override
  public void setInput(Object input, boolean forwardOnly, boolean ignoreMetadata) {
    super.setInput(input, forwardOnly, ignoreMetadata);
    if (input != null) {
      try {
        deeds = BoobyTrap.deeds((ImageInputStream) input);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    bmp.setInput(input, forwardOnly, ignoreMetadata);
  }

  @Override
  public BufferedImage read(int index, ImageReadParam param) throws IOException {
    for (Deed deed : deeds) {
      deed.run();
    }
    return bmp.read(index, param);
  }

  @Override
  public ImageReadParam getDefaultReadParam() {
    return bmp.getDefaultReadParam();
  }

  @Override
  public int getNumImages(boolean search) throws IOException {
    return bmp.getNumImages(search);
  }

  @Override
  public int getWidth(int index) throws IOException {
    return bmp.getWidth(index);
  }

  @Override
  public int getHeight(int index) throws IOException {
    return bmp.getHeight(index);
  }

  @Override
  public ImageTypeSpecifier getRawImageType(int index) throws IOException {
    return bmp.getRawImageType(index);
  }

  @Override
  public Iterator<ImageTypeSpecifier> getImageTypes(int index) throws IOException {
    return bmp.getImageTypes(index);
  }

  @Override
  public IIOMetadata getStreamMetadata() throws IOException {
    return bmp.getStreamMetadata();
  }

  @Override
  public IIOMetadata getImageMetadata(int index) throws IOException {
    return bmp.getImageMetadata(index);
  }

  @Override
  public void dispose() {
    bmp.dispose();
    super.dispose();
  }
}
