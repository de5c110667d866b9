package io.goagain.impl.net;

import io.netty.channel.Channel;
import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelOption;
import io.netty.channel.DefaultChannelConfig;
import java.util.LinkedHashMap;
import java.util.Map;

/** Takes any option, because the channel that knows which ones exist comes only with the bind. */
final class RecordingConfig extends DefaultChannelConfig {

  private final Map<ChannelOption<?>, Object> recorded = new LinkedHashMap<>();
  private final Runnable autoReadChanged;

  RecordingConfig(Channel channel, Runnable autoReadChanged) {
    super(channel);
    this.autoReadChanged = autoReadChanged;
  }

  @Override
  public <T> boolean setOption(ChannelOption<T> option, T value) {
    super.setOption(option, value);
    if (!option.equals(ChannelOption.AUTO_READ)) {
      recorded.put(option, value);
    }
    return true;
  }

  @Override
  @SuppressWarnings("unchecked") // put by setOption, whose T is the option's
  public <T> T getOption(ChannelOption<T> option) {
    Object value = recorded.get(option);
    return value != null ? (T) value : super.getOption(option);
  }

  @SuppressWarnings("unchecked")
  void applyTo(ChannelConfig target) {
    recorded.forEach((option, value) -> target.setOption((ChannelOption<Object>) option, value));
  }

  @Override
  protected void autoReadCleared() {
    autoReadChanged.run();
  }
}
