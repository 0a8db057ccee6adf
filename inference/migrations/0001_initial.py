import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Stream',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('last_number', models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='Vocabulary',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hash', models.CharField(max_length=64, unique=True)),
                ('size', models.PositiveIntegerField()),
                ('pieces', models.BinaryField(help_text='zlib-compressed JSON list of strings')),
            ],
            options={
                'verbose_name_plural': 'vocabularies',
            },
        ),
        migrations.CreateModel(
            name='WorkerBeat',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, unique=True)),
                ('device', models.CharField(max_length=50)),
                ('loaded', models.JSONField(default=list)),
                ('metrics', models.JSONField(default=dict)),
                ('seen', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'worker',
            },
        ),
        migrations.CreateModel(
            name='ModelEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.CharField(max_length=200, unique=True)),
                ('label', models.CharField(max_length=200)),
                ('path', models.CharField(help_text='directory or hub id of the checkpoint', max_length=500)),
                ('family', models.CharField(blank=True, max_length=50)),
                ('kind', models.CharField(choices=[('diffusion', 'Diffusion'), ('autoregressive', 'Autoregressive')], default='diffusion', max_length=20)),
                ('state', models.CharField(choices=[('absent', 'not on this machine'), ('available', 'on disk'), ('loading', 'loading'), ('loaded', 'loaded'), ('failed', 'failed')], default='available', max_length=20)),
                ('progress', models.FloatField(default=0, help_text='of loading, 0 to 1')),
                ('error', models.CharField(blank=True, help_text='last failure or warning', max_length=500)),
                ('device', models.CharField(blank=True, max_length=20)),
                ('context', models.PositiveIntegerField(default=0, help_text='tokens; 0 = not known yet')),
                ('mask_id', models.PositiveIntegerField(blank=True, null=True)),
                ('parameters', models.PositiveBigIntegerField(default=0)),
                ('weights_hash', models.CharField(blank=True, max_length=64)),
                ('card', models.JSONField(blank=True, default=dict, help_text='trained_on, examples, settings')),
                ('is_default', models.BooleanField(default=False)),
                ('is_shipped', models.BooleanField(default=False)),
                ('updated', models.DateTimeField(auto_now=True)),
                ('vocabulary', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to='inference.vocabulary')),
            ],
            options={
                'verbose_name': 'model',
                'ordering': ['-is_default', 'label'],
            },
        ),
        migrations.CreateModel(
            name='StreamEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveBigIntegerField()),
                ('type', models.CharField(max_length=40)),
                ('payload', models.JSONField()),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('stream', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='inference.stream')),
            ],
            options={
                'ordering': ['number'],
                'constraints': [models.UniqueConstraint(fields=('stream', 'number'), name='event_number')],
            },
        ),
    ]
